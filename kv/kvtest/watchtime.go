package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var watchTimePromises = []promise{
	{"events add up to the range, whatever many clients do", func(f *fixture) {
		const clients, each = 4, 60
		w := f.watch("k")
		w.next()
		seed := rand.Uint64()
		f.Logf("seed %d", seed)
		done := make(chan error, 1)
		go func() {
			err := atOnce(clients, func(i int) error {
				dice := rand.New(rand.NewPCG(seed, uint64(i)))
				for range each {
					if err := f.disturb(f.either(i), f.key(fmt.Sprint("k", dice.IntN(10))), dice); err != nil {
						return err
					}
				}
				return nil
			})
			_, last := f.st.Create(f.ctx, kv.Record{Key: f.key("k-last")})
			done <- errors.Join(err, last)
		}()
		for ended := false; !ended; _, ended = w.state["k-last"] {
			w.next()
		}
		require.NoError(f, <-done)
		want := state{}
		for _, r := range f.all(f.far) {
			want[r.Key[len(f.base):]] = string(r.Value)
		}
		require.Equal(f, want, w.state)
	}},
	{"an event of a position has everything up to it", func(f *fixture) {
		w := f.watch("")
		w.next()
		for i := range 20 {
			key := f.key(fmt.Sprint(i))
			v := f.create(key, "")
			for w.at < v {
				w.any()
			}
			require.Len(f, w.state, i+1)
			require.Contains(f, w.state, key[len(f.base):])
		}
	}},
	{"a watch of a quiet range says at least every 10 seconds that the store answers", func(f *fixture) {
		w := f.watch("")
		w.next()
		for range 2 {
			start := time.Now()
			ev := w.any()
			require.True(f, ev.Progress)
			require.LessOrEqual(f, time.Since(start), 10*time.Second)
			if !f.b.FakeTime {
				return // once is enough of waiting
			}
		}
	}},
	{"a watch ends with its ctx's error, once", func(f *fixture) {
		w := f.watch("")
		w.next()
		w.stop()
		errs := w.ended()
		require.Len(f, errs, 1)
		require.ErrorIs(f, errs[0], context.Canceled)
		f.requireOp(errs[0], "watch range", f.base)
	}},
	{"a watch with a ctx that is over, or nil, is an error only", func(f *fixture) {
		rw, ok := kv.As[kv.RangeWatcher](f.st)
		if !ok {
			f.Skip("no kv.RangeWatcher")
		}
		over, cancel := context.WithCancel(f.ctx)
		cancel()
		for ctx, want := range map[context.Context]error{nil: kv.ErrInvalid, over: context.Canceled} {
			var errs []error
			for _, err := range rw.WatchRange(ctx, f.base, f.base+"\xff") {
				errs = append(errs, err)
			}
			require.Len(f, errs, 1)
			require.ErrorIs(f, errs[0], want)
			f.requireOp(errs[0], "watch range", f.base)
		}
	}},
	{"Close ends a watch with ErrClosed", func(f *fixture) {
		w := f.watch("")
		w.next()
		f.close(f.far)
		errs := w.ended()
		require.Len(f, errs, 1)
		require.ErrorIs(f, errs[0], kv.ErrClosed)
		f.requireOp(errs[0], "watch range", f.base)
		rw, _ := kv.As[kv.RangeWatcher](f.far)
		for _, err := range rw.WatchRange(f.ctx, f.base, f.base) {
			require.ErrorIs(f, err, kv.ErrClosed, "begun after Close")
		}
	}},
	{"a caller that stops ranging leaves nothing behind", func(f *fixture) {
		rw, ok := kv.As[kv.RangeWatcher](f.st)
		if !ok {
			f.Skip("no kv.RangeWatcher")
		}
		f.create(f.key("k"), "")
		before := runtime.NumGoroutine()
		for range 50 {
			for ev, err := range rw.WatchRange(f.ctx, f.base, f.base+"\xff") {
				require.NoError(f, err)
				require.Len(f, ev.Puts, 1)
				break
			}
		}
		if f.b.FakeTime {
			f.settle()
			require.LessOrEqual(f, goroutines(), before, "goroutines")
		}
	}},
}

// disturb does something to the key that others may be doing something to as well.
func (f *fixture) disturb(st kv.Storage, key kv.Key, dice *rand.Rand) error {
	var err error
	switch value := kv.Value(fmt.Sprint(dice.IntN(1000))); dice.IntN(5) {
	case 0, 1:
		_, err = st.Create(f.ctx, kv.Record{Key: key, Value: value})
	case 2, 3:
		var rec kv.Record
		if rec, err = st.Get(f.ctx, key); err == nil {
			_, err = st.CasByVersion(f.ctx, kv.Record{Key: key, Version: rec.Version, Value: value})
		}
	default:
		err = st.Delete(f.ctx, key)
	}
	for _, normal := range []error{kv.ErrAlreadyExists, kv.ErrNotFound, kv.ErrWrongVersion} {
		if errors.Is(err, normal) {
			return nil
		}
	}
	return err
}
