package kvtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// fixture is a test's world: two handles on one store.
type fixture struct {
	*testing.T
	b    Backend
	st   kv.Storage // this process
	far  kv.Storage // another
	base kv.Key     // what the test's own keys begin with
	ctx  context.Context
	ttl  time.Duration // of short leases; in real time a renewal that a busy machine makes two seconds late is in time still

	settled atomic.Int64 // counts the keys that settle has used
}

func newFixture(t *testing.T, b Backend) *fixture {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	ttl := max(b.MinTTL, 100*time.Millisecond)
	if !b.FakeTime {
		ttl += 2 * time.Second
	}
	st := b.New(t)
	return &fixture{T: t, b: b, st: st, far: b.Second(t, st), base: kv.Key(t.Name() + "/"), ctx: ctx, ttl: ttl}
}

// key is a key of this test's own.
func (f *fixture) key(name string) kv.Key { return f.base + kv.Key(name) }

// keys are keys of this test's own.
func (f *fixture) keys(names ...string) []kv.Key {
	var keys []kv.Key
	for _, n := range names {
		keys = append(keys, f.key(n))
	}
	return keys
}

// either is one of the two handles, turn by turn.
func (f *fixture) either(i int) kv.Storage {
	if i%2 == 0 {
		return f.st
	}
	return f.far
}

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

// get reads from the other handle, and so sees what was acknowledged to this one.
func (f *fixture) get(key kv.Key) kv.Record {
	f.Helper()
	rec, err := f.far.Get(f.ctx, key)
	require.NoError(f, err, "Get(%q)", key)
	return rec
}

func (f *fixture) absent(key kv.Key) {
	f.Helper()
	rec, err := f.far.Get(f.ctx, key)
	require.ErrorIs(f, err, kv.ErrNotFound, "Get(%q) = %v, %v, want ErrNotFound", key, rec, err)
}

// all are the records of this test.
func (f *fixture) all(st kv.Storage) kv.Records {
	f.Helper()
	start, end := kv.PrefixRange(f.base)
	recs, err := st.GetRange(f.ctx, start, end)
	require.NoError(f, err, "GetRange(%q, %q)", start, end)
	return recs
}

// names are the keys of records, without what all keys of the test begin with.
func (f *fixture) names(recs kv.Records) []string {
	names := []string{}
	for _, r := range recs {
		names = append(names, string(r.Key[len(f.base):]))
	}
	return names
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

// deleted is what a wait comes to when the record is deleted.
var deleted = outcome{}

// wait waits in the background, and returns once the wait stands or has ended.
func (f *fixture) wait(ctx context.Context, st kv.Storage, key kv.Key, v kv.Version) <-chan outcome {
	f.Helper()
	c := f.arm(ctx, st, key, v)
	f.settle()
	return c
}

// arm waits in the background.
func (f *fixture) arm(ctx context.Context, st kv.Storage, key kv.Key, v kv.Version) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		rec, err := st.WaitForVersionChange(ctx, key, v)
		c <- outcome{rec, err}
	}()
	return c
}

// settle returns once the waits begun before it stand. In fake time that is certain. On a server nobody outside can tell, so it
// sees others, begun later on both handles, through all that a wait does first: each is on a key of its own at a version that
// has passed, and so ends where it would begin to wait. A slow machine makes them slow as well.
func (f *fixture) settle() {
	f.Helper()
	if f.b.FakeTime {
		time.Sleep(f.b.Travel)
		synctest.Wait()
		return
	}
	for i := range 6 {
		key := kv.Key(fmt.Sprintf("settle/%s%d", f.base, f.settled.Add(1)))
		f.create(key, "")
		_, err := f.either(i).WaitForVersionChange(f.ctx, key, 0)
		require.NoError(f, err, "WaitForVersionChange(%q, 0)", key)
		f.delete(key)
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

// together runs g n times at once and waits for all. What g returns fails the test.
func (f *fixture) together(n int, g func(i int) error) {
	f.Helper()
	require.NoError(f, atOnce(n, g))
}

// atOnce runs g n times at once, waits for all and joins their errors.
func atOnce(n int, g func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			if err := g(i); err != nil {
				errs[i] = fmt.Errorf("number %d of %d: %w", i, n, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// goroutines counts the goroutines. One that has just ended is in no bubble any more, but is counted until its thread has put it away:
// what stops the world, as ReadMemStats does, waits for that.
func goroutines() int {
	runtime.ReadMemStats(new(runtime.MemStats))
	return runtime.NumGoroutine()
}

// closes skips the test if the storage cannot be closed.
func (f *fixture) closes(st kv.Storage) func() {
	f.Helper()
	c, ok := st.(interface{ Close() error })
	if !ok {
		f.Skip("the storage is wrapped and cannot be closed")
	}
	return func() {
		f.Helper()
		require.NoError(f, c.Close(), "Close")
	}
}

func (f *fixture) close(st kv.Storage) {
	f.Helper()
	f.closes(st)()
}
