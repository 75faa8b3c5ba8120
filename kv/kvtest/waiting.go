package kvtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var waitCases = []Case{
	{"a wait returns the changed record", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		require.Empty(f, c, "WaitForVersionChange returned before any change")
		next := f.cas(f.key("k"), v, "two")
		o := f.result(c)
		require.NoError(f, o.err)
		require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("two"), Version: next}, o.rec)
	}},
	{"a wait returns at once if the version differs", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		next := f.cas(f.key("k"), v, "two")
		for _, old := range []kv.Version{-1, 0, v, next + 1} {
			rec, err := f.st.WaitForVersionChange(f.ctx, f.key("k"), old)
			require.NoError(f, err)
			require.Equal(f, next, rec.Version, "WaitForVersionChange(%d)", old)
		}
	}},
	{"a wait on an absent key is ErrNotFound", func(f *fixture) {
		_, err := f.st.WaitForVersionChange(f.ctx, f.key("k"), 0)
		require.ErrorIs(f, err, kv.ErrNotFound)
		v := f.create(f.key("k"), "")
		f.delete(f.key("k"))
		_, err = f.st.WaitForVersionChange(f.ctx, f.key("k"), v)
		require.ErrorIs(f, err, kv.ErrNotFound)
	}},
	{"a deletion while waiting is the zero record and no error", func(f *fixture) {
		k := f.key("k")
		f.whileWaiting(k, func() kv.Version { return f.create(k, "one") }, func(kv.Version) { f.delete(k) }, deleted)
	}},
	{"deleted and created again while waiting, the deletion is told", func(f *fixture) {
		k := f.key("k")
		f.whileWaiting(k, func() kv.Version { return f.create(k, "one") }, func(kv.Version) {
			f.delete(k)
			f.create(k, "two")
		}, deleted)
	}},
	{"of several changes the first is told", func(f *fixture) {
		k := f.key("k")
		f.whileWaiting(k, func() kv.Version { return f.create(k, "0") }, func(v kv.Version) {
			f.cas(k, f.cas(k, v, "1"), "2")
		}, func(o outcome) bool { return o.err == nil && string(o.rec.Value) == "1" })
	}},
	{"the release of its lease wakes a wait", func(f *fixture) {
		k := f.key("k")
		var l kv.Lease
		f.whileWaiting(k, func() kv.Version {
			l = f.lease(time.Minute, true)
			return f.bind(k, l)
		}, func(kv.Version) { require.NoError(f, l.Release()) }, deleted)
	}},
	{"the end of its lease wakes a wait", func(f *fixture) {
		k := f.key("k")
		f.whileWaiting(k, func() kv.Version { return f.bind(k, f.lease(f.b.MinTTL, false)) }, func(kv.Version) {}, deleted)
	}},
	{"a wait ends with its ctx and with nothing else of it", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		ctx, cancel := context.WithCancel(f.ctx)
		c := f.wait(ctx, f.st, f.key("k"), v)
		other := f.wait(f.ctx, f.st, f.key("k"), v)
		cancel()
		require.ErrorIs(f, f.result(c).err, context.Canceled)
		f.cas(f.key("k"), v, "two")
		require.NoError(f, f.result(other).err, "the other wait on the key")
	}},
	{"100 waits on one key hear of every change", func(f *fixture) {
		const waiters, changes = 100, 20
		v := f.create(f.key("k"), "")
		last := f.key("k")
		var wg sync.WaitGroup
		for i := range waiters {
			st := f.st
			if i%2 == 0 {
				st = f.far
			}
			wg.Go(func() {
				for seen := v; ; {
					rec, err := st.WaitForVersionChange(f.ctx, last, seen)
					if err != nil || rec.Version <= seen {
						f.Errorf("WaitForVersionChange(%d) = version %d, %v", seen, rec.Version, err)
						return
					}
					if seen = rec.Version; len(rec.Value) == changes {
						return
					}
				}
			})
		}
		for range changes {
			require.NoError(f, increment(f.ctx, f.st, last))
		}
		wg.Wait()
	}},
	{"400 abandoned waits leave no goroutine", func(f *fixture) {
		v := f.create(f.key("k"), "")
		ctx, cancel := context.WithCancel(f.ctx)
		var waits []<-chan outcome
		for range 400 {
			c := make(chan outcome, 1)
			waits = append(waits, c)
			go func() {
				rec, err := f.st.WaitForVersionChange(ctx, f.key("k"), v)
				c <- outcome{rec, err}
			}()
		}
		f.settle(50 * time.Millisecond)
		cancel()
		for _, c := range waits {
			require.ErrorIs(f, f.result(c).err, context.Canceled)
		}
		// A bubble of synctest fails if a goroutine outlives it. On a server, where other tests run beside this one, the backend's own
		// tests count goroutines and the server's watchers.
	}},
	{"waits on many keys are told apart", func(f *fixture) {
		const n = 50
		var waits []<-chan outcome
		for i := range n {
			k := f.key(fmt.Sprint(i))
			v := f.create(k, "")
			c := make(chan outcome, 1)
			waits = append(waits, c)
			go func() {
				rec, err := f.far.WaitForVersionChange(f.ctx, k, v)
				c <- outcome{rec, err}
			}()
		}
		f.settle(50 * time.Millisecond)
		for i := range n {
			if i%2 == 1 {
				f.delete(f.key(fmt.Sprint(i)))
			}
		}
		for i := 1; i < n; i += 2 {
			o := f.result(waits[i])
			if o.err != nil {
				// On a slow server the deletion may come before the wait: absent when called.
				require.ErrorIs(f, o.err, kv.ErrNotFound)
			}
		}
		for i := 0; i < n; i += 2 {
			require.Empty(f, waits[i], "the wait on %d was told of another key", i)
			f.delete(f.key(fmt.Sprint(i)))
		}
	}},
}
