package kvtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var concurrencyPromises = []promise{
	{"16 clients count without losing one", func(f *fixture) {
		const clients, each = 16, 5
		f.create(f.key("n"), "")
		f.together(clients, func(i int) error {
			for range each {
				if err := increment(f.ctx, f.either(i), f.key("n")); err != nil {
					return err
				}
			}
			return nil
		})
		require.Len(f, f.get(f.key("n")).Value, clients*each)
	}},
	{"of many that create a key one succeeds, and the others are told its version", func(f *fixture) {
		const clients = 20
		versions := make([]kv.Version, clients)
		var created atomic.Int32
		f.together(clients, func(i int) error {
			v, err := f.either(i).Create(f.ctx, kv.Record{Key: f.key("k")})
			versions[i] = v
			if err == nil {
				created.Add(1)
				return nil
			}
			if !errors.Is(err, kv.ErrAlreadyExists) {
				return err
			}
			return nil
		})
		require.EqualValues(f, 1, created.Load())
		for i, v := range versions {
			require.Equal(f, f.get(f.key("k")).Version, v, "Create number %d", i)
		}
	}},
	{"of many that delete a key one succeeds", func(f *fixture) {
		f.create(f.key("k"), "")
		var done atomic.Int32
		f.together(20, func(i int) error {
			err := f.either(i).Delete(f.ctx, f.key("k"))
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, kv.ErrNotFound) {
				return err
			}
			return nil
		})
		require.EqualValues(f, 1, done.Load())
	}},
	{"100 waits on one key hear of every change that they do not read past", func(f *fixture) {
		const waiters = 100
		changes := 100
		if f.b.FakeTime {
			changes = 1000
		}
		v := f.create(f.key("k"), "")
		f.together(waiters+1, func(i int) error {
			if i == waiters {
				for range changes {
					if err := increment(f.ctx, f.st, f.key("k")); err != nil {
						return err
					}
				}
				return nil
			}
			for seen := v; ; {
				rec, err := f.either(i).WaitForVersionChange(f.ctx, f.key("k"), seen)
				if err != nil || rec.Version <= seen {
					return fmt.Errorf("WaitForVersionChange(%d) = version %d, %w", seen, rec.Version, err)
				}
				if seen = rec.Version; len(rec.Value) == changes {
					return nil
				}
			}
		})
	}},
	{"a change made while a wait begins is not missed", func(f *fixture) {
		f.create(f.key("k"), "")
		for i := range 100 {
			v := f.get(f.key("k")).Version
			c := f.arm(f.ctx, f.either(i), f.key("k"), v)
			next := f.cas(f.key("k"), v, fmt.Sprint(i))
			o := f.result(c)
			require.NoError(f, o.err)
			require.Equal(f, next, o.rec.Version)
		}
	}},
	{"a deletion made while a wait begins is not missed", func(f *fixture) {
		for i := range 100 {
			v := f.create(f.key("k"), "")
			c := f.arm(f.ctx, f.either(i), f.key("k"), v)
			f.delete(f.key("k"))
			if o := f.result(c); o.err != nil {
				require.ErrorIs(f, o.err, kv.ErrNotFound, "absent when called")
			} else {
				require.Equal(f, deleted, o)
			}
		}
	}},
	{"a read that begins after a write was acknowledged sees it", func(f *fixture) {
		v := f.create(f.key("k"), "")
		for i := range 50 {
			next, err := f.either(i).CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v})
			require.NoError(f, err)
			rec, err := f.either(i+1).Get(f.ctx, f.key("k"))
			require.NoError(f, err)
			require.Equal(f, next, rec.Version, "Get")
			recs := f.all(f.either(i + 1))
			require.Equal(f, next, recs[0].Version, "GetRange")
			v = next
		}
	}},
	{"GetRange reads one moment", func(f *fixture) {
		// b is written after a, each time: nobody may see b ahead of a, or more than one step behind.
		f.create(f.key("a"), "")
		f.create(f.key("b"), "")
		var stop atomic.Bool
		f.together(5, func(i int) error {
			if i == 0 {
				defer stop.Store(true)
				for range 60 {
					if err := errors.Join(increment(f.ctx, f.st, f.key("a")), increment(f.ctx, f.st, f.key("b"))); err != nil {
						return err
					}
				}
				return nil
			}
			for !stop.Load() {
				start, end := kv.PrefixRange(f.base)
				recs, err := f.either(i).GetRange(f.ctx, start, end)
				if err != nil {
					return err
				}
				if ahead := len(recs[0].Value) - len(recs[1].Value); ahead < 0 || ahead > 1 {
					return fmt.Errorf("a is %d steps ahead of b", ahead)
				}
			}
			return nil
		})
	}},
}

// increment makes the value one byte longer.
func increment(ctx context.Context, st kv.Storage, key kv.Key) error {
	for {
		rec, err := st.Get(ctx, key)
		if err != nil {
			return err
		}
		rec.Value = append(rec.Value, '.')
		if _, err = st.CasByVersion(ctx, rec); !errors.Is(err, kv.ErrWrongVersion) {
			return err
		}
	}
}
