// Package kvtest tests a storage against the contract of package kv: one subtest for each promise, named for it.
//
// A backend is right when Run passes:
//
//	func TestConformance(t *testing.T) {
//		kvtest.Run(t, kvtest.Backend{New: open, Second: reconnect, MinTTL: time.Second})
//	}
//
// On a backend that does no I/O the suite runs in fake time, at once; on a real server it waits for real leases, in parallel.
package kvtest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// Backend is what the suite needs of a backend.
type Backend struct {
	// New opens a handle on a store of the suite's, and closes it at the test's end. Its type has a Close() error, which is part of the
	// contract though not of kv.Storage. The store may be one for all tests: each uses keys of its own.
	New func(t *testing.T) kv.Storage
	// Second opens another handle on the store of st, as another process has, and closes it at the test's end.
	Second func(t *testing.T, st kv.Storage) kv.Storage
	// FakeTime says that the backend does no I/O, so that the suite can run in the fake time of testing/synctest.
	FakeTime bool
	// MinTTL is the shortest lease that the backend grants as asked; zero is one second. Shorter ones it must round up.
	MinTTL time.Duration
	// Margin is how much less than the lease's time TTL may tell, right after the grant, for clock rates and a slow machine.
	Margin time.Duration
}

// Case is one promise.
type Case struct {
	name string
	run  func(f *fixture)
}

// fixture is a test's world: two handles on one store.
type fixture struct {
	*testing.T
	b    Backend
	st   kv.Storage // this process
	far  kv.Storage // another
	base kv.Key     // what the test's own keys begin with
	ctx  context.Context
}

// Run tests the backend.
func Run(t *testing.T, b Backend) {
	if b.MinTTL == 0 {
		b.MinTTL = time.Second
	}
	for _, group := range []struct {
		name  string
		cases []Case
	}{
		{"records", recordCases},
		{"versions", versionCases},
		{"ranges", rangeCases},
		{"waiting", waitCases},
		{"leases", leaseCases},
		{"errors", errorCases},
		{"close", closeCases},
		{"append", appendCases},
		{"watch range", watchRangeCases},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					if b.FakeTime {
						synctest.Test(t, func(t *testing.T) { c.run(newFixture(t, b)) })
						return
					}
					t.Parallel()
					c.run(newFixture(t, b))
				})
			}
		})
	}
}

func newFixture(t *testing.T, b Backend) *fixture {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	st := b.New(t)
	return &fixture{T: t, b: b, st: st, far: b.Second(t, st), base: kv.Key(t.Name() + "/"), ctx: ctx}
}

// key is a key of this test's own.
func (f *fixture) key(name string) kv.Key { return f.base + kv.Key(name) }

// create stores a record that lives until it is deleted.
func (f *fixture) create(key kv.Key, value string) kv.Version {
	f.Helper()
	v, err := f.st.Create(f.ctx, kv.Record{Key: key, Value: kv.Value(value)})
	require.NoError(f, err, "Create(%q)", key)
	return v
}

// bind stores a record under a lease.
func (f *fixture) bind(key kv.Key, l kv.Lease) kv.Version {
	f.Helper()
	v, err := f.st.Create(f.ctx, kv.Record{Key: key, Lease: l.Id()})
	require.NoError(f, err, "Create(%q) under a lease", key)
	return v
}

func (f *fixture) cas(key kv.Key, v kv.Version, value string) kv.Version {
	f.Helper()
	next, err := f.st.CasByVersion(f.ctx, kv.Record{Key: key, Version: v, Value: kv.Value(value)})
	require.NoError(f, err, "CasByVersion(%q, %d)", key, v)
	return next
}

func (f *fixture) delete(key kv.Key) {
	f.Helper()
	require.NoError(f, f.st.Delete(f.ctx, key), "Delete(%q)", key)
}

func (f *fixture) absent(key kv.Key) {
	f.Helper()
	_, err := f.st.Get(f.ctx, key)
	require.ErrorIs(f, err, kv.ErrNotFound, "Get(%q)", key)
}

func (f *fixture) lease(ttl time.Duration, keepAlive bool) kv.Lease {
	f.Helper()
	l, err := f.st.Lessor().NewLease(f.ctx, ttl, keepAlive)
	require.NoError(f, err, "NewLease(%v, %v)", ttl, keepAlive)
	f.Cleanup(func() { _ = l.Release() })
	return l
}

// outcome is what a wait came to.
type outcome struct {
	rec kv.Record
	err error
}

// wait waits in the background. In fake time it returns once the wait stands; on a server it gives it a moment, and what a case
// asserts must hold as well if the wait comes only later.
func (f *fixture) wait(ctx context.Context, st kv.Storage, key kv.Key, v kv.Version) <-chan outcome {
	c := f.begin(ctx, st, key, v)
	f.settle(50 * time.Millisecond)
	return c
}

func (f *fixture) begin(ctx context.Context, st kv.Storage, key kv.Key, v kv.Version) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		rec, err := st.WaitForVersionChange(ctx, key, v)
		c <- outcome{rec, err}
	}()
	return c
}

// whileWaiting returns what a wait on key came to that stood when change was made. On a server nobody can tell from outside whether a wait
// stands: so it is tried with ever longer pauses, each time on a record that make has made anew, until the outcome is the one wanted;
// a backend that breaks the promise never comes to it.
func (f *fixture) whileWaiting(key kv.Key, create func() kv.Version, change func(v kv.Version), want func(outcome) bool) {
	f.Helper()
	var o outcome
	for pause := 50 * time.Millisecond; pause < 4*time.Second; pause *= 2 {
		v := create()
		c := f.begin(f.ctx, f.far, key, v)
		f.settle(pause)
		change(v)
		if o = f.result(c); want(o) {
			return
		}
		_ = f.st.Delete(f.ctx, key) // what is there still
		if f.b.FakeTime {
			break // the wait did stand
		}
	}
	require.FailNow(f, "the wait was told of another change than the first", "WaitForVersionChange(%q) = %+v, %v", key, o.rec, o.err)
}

// deleted is the outcome of a wait whose record was deleted meanwhile.
func deleted(o outcome) bool { return o.err == nil && o.rec.Key == "" && o.rec.Version == 0 }

// untilGone returns when the record, which had the version, is gone with its lease.
func (f *fixture) untilGone(key kv.Key, v kv.Version) {
	f.Helper()
	o := f.result(f.begin(f.ctx, f.far, key, v))
	require.True(f, deleted(o) || errors.Is(o.err, kv.ErrNotFound), "WaitForVersionChange(%q) = %+v, %v", key, o.rec, o.err)
}

func (f *fixture) settle(pause time.Duration) {
	if f.b.FakeTime {
		synctest.Wait()
	} else {
		time.Sleep(pause)
	}
}

// result returns what a wait came to within the longest time that anything here takes.
func (f *fixture) result(c <-chan outcome) outcome {
	f.Helper()
	select {
	case o := <-c:
		return o
	case <-time.After(30 * time.Second):
		require.FailNow(f, "WaitForVersionChange did not return")
		return outcome{}
	}
}

// close closes a storage as its type allows.
func (f *fixture) close(st kv.Storage) {
	f.Helper()
	c, ok := st.(interface{ Close() error })
	if !ok {
		f.Skip("the storage is wrapped and cannot be closed")
	}
	require.NoError(f, c.Close(), "Close")
}
