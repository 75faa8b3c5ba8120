package kvtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var waitPromises = []promise{
	{"a wait returns the changed record", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		for i := range 2 { // the change of this client and of another
			c := f.wait(f.ctx, f.far, f.key("k"), v)
			require.Empty(f, c, "WaitForVersionChange returned before any change")
			value := fmt.Sprint("change ", i)
			next, err := f.either(i).CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Value: kv.Value(value)})
			require.NoError(f, err)
			o := f.result(c)
			require.NoError(f, o.err)
			require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value(value), Version: next}, o.rec)
			v = next
		}
	}},
	{"a wait returns at once if the version differs", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		next := f.cas(f.key("k"), v, "two")
		for _, old := range []kv.Version{-1, 0, v, next + 1, 1 << 60} {
			rec, err := f.far.WaitForVersionChange(f.ctx, f.key("k"), old)
			require.NoError(f, err)
			want := kv.Record{Key: f.key("k"), Value: kv.Value("two"), Version: next}
			require.Equal(f, want, rec, "WaitForVersionChange(%d)", old)
		}
	}},
	{"a wait at a version of another life returns at once", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		f.delete(f.key("k"))
		next := f.create(f.key("k"), "two")
		rec, err := f.st.WaitForVersionChange(f.ctx, f.key("k"), v)
		require.NoError(f, err)
		require.Equal(f, next, rec.Version)
	}},
	{"a wait on an absent key is ErrNotFound", func(f *fixture) {
		v := f.create(f.key("l"), "")
		f.delete(f.key("l"))
		for _, k := range f.keys("k", "l") {
			for _, v := range []kv.Version{-1, 0, v, 1 << 60} {
				rec, err := f.st.WaitForVersionChange(f.ctx, k, v)
				require.ErrorIs(f, err, kv.ErrNotFound, "WaitForVersionChange(%q, %d)", k, v)
				require.Equal(f, kv.Record{}, rec)
			}
		}
	}},
	{"a deletion while waiting is the zero record and no error", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		f.delete(f.key("k"))
		require.Equal(f, deleted, f.result(c))
	}},
	{"deleted and created again while waiting, the deletion is told", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		f.delete(f.key("k"))
		f.create(f.key("k"), "two")
		require.Equal(f, deleted, f.result(c))
	}},
	{"of several changes the first is told", func(f *fixture) {
		v := f.create(f.key("k"), "0")
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		first := f.cas(f.key("k"), v, "1")
		f.cas(f.key("k"), first, "2")
		f.delete(f.key("k"))
		o := f.result(c)
		require.NoError(f, o.err)
		require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("1"), Version: first}, o.rec)
	}},
	{"what a wait has told is there to be read, by every client", func(f *fixture) {
		for range 5 {
			v := f.create(f.key("k"), "")
			for _, change := range []func(){
				func() { v = f.cas(f.key("k"), v, "changed") },
				func() { f.delete(f.key("k")) },
			} {
				c := make(chan error, 1)
				go func(v kv.Version) { c <- atOnce(8, func(i int) error { return f.waitAndRead(i, f.key("k"), v) }) }(v)
				f.settle()
				change()
				require.NoError(f, <-c)
			}
		}
	}},
	{"a change of a neighbour wakes nobody", func(f *fixture) {
		v := f.create(f.key("k"), "")
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		for _, k := range f.keys("k/", "k0", "k\x00", "") {
			f.delete(f.createAt(k + "j"))
			f.create(k+"j", "again")
		}
		f.settle()
		require.Empty(f, c)
		f.delete(f.key("k"))
		require.Equal(f, deleted, f.result(c))
	}},
	{"waits on many keys are told apart", func(f *fixture) {
		const n = 50
		var waits []<-chan outcome
		for i := range n {
			k := f.key(fmt.Sprint(i))
			waits = append(waits, f.arm(f.ctx, f.far, k, f.create(k, "")))
		}
		f.settle()
		for i := 1; i < n; i += 2 {
			f.delete(f.key(fmt.Sprint(i)))
		}
		for i := 1; i < n; i += 2 {
			if o := f.result(waits[i]); o.err != nil {
				// On a slow server the deletion may come before the wait: absent when called.
				require.ErrorIs(f, o.err, kv.ErrNotFound)
			}
		}
		for i := 0; i < n; i += 2 {
			require.Empty(f, waits[i], "the wait on %d was told of another key", i)
			f.delete(f.key(fmt.Sprint(i)))
			f.result(waits[i])
		}
	}},
	{"a wait ends with its ctx, and others with nothing of it", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		ctx, cancel := context.WithCancel(f.ctx)
		late, end := context.WithTimeout(f.ctx, 300*time.Millisecond)
		defer end()
		canceled, overdue := f.arm(ctx, f.st, f.key("k"), v), f.arm(late, f.st, f.key("k"), v)
		other := f.wait(f.ctx, f.st, f.key("k"), v)
		cancel()
		for c, want := range map[<-chan outcome]error{canceled: context.Canceled, overdue: context.DeadlineExceeded} {
			o := f.result(c)
			require.ErrorIs(f, o.err, want)
			require.Equal(f, kv.Record{}, o.rec)
		}
		require.Empty(f, other, "the other wait on the key ended too")
		f.cas(f.key("k"), v, "two")
		require.NoError(f, f.result(other).err, "the other wait on the key")
	}},
	{"abandoned waits leave no goroutine", func(f *fixture) {
		v := f.create(f.key("k"), "")
		before := f.wait(f.ctx, f.st, f.key("k"), v) // what the first wait needs may stay as long as it does
		base := runtime.NumGoroutine()
		ctx, cancel := context.WithCancel(f.ctx)
		var waits []<-chan outcome
		for range 400 {
			waits = append(waits, f.arm(ctx, f.st, f.key("k"), v))
		}
		f.settle()
		cancel()
		for _, c := range waits {
			require.ErrorIs(f, f.result(c).err, context.Canceled)
		}
		if f.b.FakeTime { // elsewhere other tests run beside this one; the backend's own tests count there
			f.settle()
			require.LessOrEqual(f, goroutines(), base, "goroutines")
		}
		f.delete(f.key("k"))
		f.result(before)
	}},
}

// waitAndRead waits for a change and reads the key right after, by either handle: nothing else is changed meanwhile.
func (f *fixture) waitAndRead(i int, key kv.Key, v kv.Version) error {
	rec, err := f.either(i).WaitForVersionChange(f.ctx, key, v)
	if errors.Is(err, kv.ErrNotFound) {
		return nil // a slow machine: absent when called
	}
	if err != nil {
		return err
	}
	got, err := f.either(i/2).Get(f.ctx, key)
	if rec.Version == 0 && errors.Is(err, kv.ErrNotFound) || err == nil && got.Version == rec.Version {
		return nil
	}
	return fmt.Errorf("told of version %d, then Get = version %d, %w", rec.Version, got.Version, err)
}

// createAt stores a record and returns its key.
func (f *fixture) createAt(key kv.Key) kv.Key {
	f.Helper()
	f.create(key, "")
	return key
}

var waitLeasePromises = []promise{
	{"the release of its lease wakes a wait", func(f *fixture) {
		l := f.lease(time.Minute, true)
		v := f.bind(f.key("k"), l)
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		require.NoError(f, l.Release())
		require.Equal(f, deleted, f.result(c))
	}},
	{"the end of its lease wakes a wait, here and elsewhere", func(f *fixture) {
		l := f.lease(f.ttl, false)
		v := f.bind(f.key("k"), l)
		here, there := f.arm(f.ctx, f.st, f.key("k"), v), f.arm(f.ctx, f.far, f.key("k"), v)
		require.Equal(f, deleted, f.result(here))
		require.Equal(f, deleted, f.result(there))
	}},
	{"a lease that is kept alive wakes nobody", func(f *fixture) {
		l := f.lease(f.ttl, true)
		v := f.bind(f.key("k"), l)
		ctx, cancel := context.WithTimeout(f.ctx, 2*f.ttl+time.Second)
		defer cancel()
		_, err := f.far.WaitForVersionChange(ctx, f.key("k"), v)
		require.ErrorIs(f, err, context.DeadlineExceeded)
	}},
	{"a change before the end of the lease is told first", func(f *fixture) {
		l := f.lease(time.Minute, false)
		v := f.bind(f.key("k"), l)
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		next := f.cas(f.key("k"), v, "two")
		require.NoError(f, l.Release())
		o := f.result(c)
		require.NoError(f, o.err)
		require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("two"), Version: next, Lease: l.Id()}, o.rec)
	}},
}
