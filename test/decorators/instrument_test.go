package decorators

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/kv/instrument"
	"github.com/coordkit/coord/kv/intercept"
)

// ended is a call that a hook was told of.
type ended struct {
	call intercept.Call
	err  error
	took time.Duration
}

// recorder notes calls when they end.
func recorder(told *[]ended) instrument.Hook {
	return func(ctx context.Context, c intercept.Call) (context.Context, instrument.End) {
		return ctx, func(err error, took time.Duration) { *told = append(*told, ended{c, err, took}) }
	}
}

func TestHookIsToldOfEveryCall(t *testing.T) {
	st, _ := withRecord(t)
	var told []ended
	errs := everyCall(t, instrument.Wrap(st, recorder(&told)))
	require.Len(t, told, len(errs))
	for _, e := range told {
		require.Equal(t, errs[e.call.Op], e.err, e.call.Op)
	}
}

func TestHookIsToldHowLongACallTook(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st, v := withRecord(t)
		slow := fault.New(st, 1, fault.Faults{DelayAtLeast: time.Second, DelayAtMost: time.Second})
		var told []ended
		traced := instrument.Wrap(slow, recorder(&told))
		_, err := traced.Get(t.Context(), "k")
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = traced.WaitForVersionChange(ctx, "k", v)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, told, 2)
		require.Equal(t, time.Second, told[0].took)
		require.Equal(t, time.Minute, told[1].took)
		require.ErrorIs(t, told[1].err, context.DeadlineExceeded)
	})
}

type spanKey struct{}

func TestCtxOfAHookReachesTheStoreBeneath(t *testing.T) {
	st, _ := withRecord(t)
	var seen any
	inner := intercept.Wrap(st, func(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
		seen = ctx.Value(spanKey{})
		return do(ctx)
	})
	traced := instrument.Wrap(inner, func(ctx context.Context, c intercept.Call) (context.Context, instrument.End) {
		return context.WithValue(ctx, spanKey{}, c.Op), nil
	})
	_, err := traced.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "get", seen)
}

func TestHookMayReturnNothing(t *testing.T) {
	st, _ := withRecord(t)
	silent := func(context.Context, intercept.Call) (context.Context, instrument.End) { return nil, nil }
	_, err := instrument.Wrap(st, silent).Get(t.Context(), "k")
	require.NoError(t, err)
}

func TestEndIsToldOfAWatchWhoseCallerPanics(t *testing.T) {
	st, _ := withRecord(t)
	var told []ended
	rw, _ := kv.As[kv.RangeWatcher](instrument.Wrap(st, recorder(&told)))
	require.Panics(t, func() {
		for range rw.WatchRange(t.Context(), "k", "l") {
			panic("the caller's")
		}
	})
	require.Len(t, told, 1)
}
