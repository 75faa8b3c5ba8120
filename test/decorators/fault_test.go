package decorators

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
)

// inFaults makes every call once behind the faults, in a bubble, and hands over what they came to.
func inFaults(t *testing.T, faults fault.Faults, body func(t *testing.T, st kv.Storage, errs map[string]error)) {
	bubble.Test(t, func(t *testing.T) {
		st, _ := withRecord(t)
		f := fault.New(st, 1, faults)
		errs := everyCall(t, f)
		f.Wait()
		body(t, st, errs)
	})
}

// requireUntouched checks that the store is as withRecord made it.
func requireUntouched(t *testing.T, st kv.Storage) {
	t.Helper()
	records, err := st.GetRange(t.Context(), "a", "z")
	require.NoError(t, err)
	require.Equal(t, "k", names(records))
}

func TestRefusedCallsAreNotMade(t *testing.T) {
	inFaults(t, fault.Faults{Refused: 1}, func(t *testing.T, st kv.Storage, errs map[string]error) {
		for op, err := range errs {
			require.ErrorIs(t, err, kv.ErrUnavailable, op)
			require.NotErrorIs(t, err, kv.ErrUncertain, op)
		}
		requireUntouched(t, st)
	})
}

func TestWritesWhoseRequestIsLostAreNotMade(t *testing.T) {
	inFaults(t, fault.Faults{RequestLost: 1}, func(t *testing.T, st kv.Storage, errs map[string]error) {
		for _, op := range []string{"create", "cas", "delete", "append", "new lease"} {
			require.ErrorIs(t, errs[op], kv.ErrUncertain, op)
		}
		requireUntouched(t, st)
	})
}

func TestReadsAreNeverUncertain(t *testing.T) {
	lost := fault.Faults{RequestLost: 0.3, AnswerLost: 0.3, Late: 0.4}
	inFaults(t, lost, func(t *testing.T, _ kv.Storage, errs map[string]error) {
		for _, op := range []string{"get", "get range", "wait", "watch range"} {
			require.NoError(t, errs[op], op)
		}
		require.ErrorIs(t, errs["get lease"], kv.ErrWrongLeaseId)
	})
}

func TestWritesWhoseAnswerIsLostAreMade(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st, v := withRecord(t)
		f := fault.New(st, 1, fault.Faults{AnswerLost: 1})
		got, err := f.CasByVersion(t.Context(), kv.Record{Key: "k", Version: v, Value: kv.Value("w")})
		require.ErrorIs(t, err, kv.ErrUncertain)
		require.Zero(t, got)
		rec, err := f.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "w", string(rec.Value))
		require.ErrorIs(t, f.Delete(t.Context(), "absent"), kv.ErrUncertain, "the answer is lost, whatever it was")
		a, _ := kv.As[kv.Appender](f)
		_, _, _, err = a.Append(t.Context(), kv.Record{Key: "q"}, "a", "z")
		require.ErrorIs(t, err, kv.ErrUncertain)
		_, err = st.Get(t.Context(), "q")
		require.NoError(t, err)
	})
}

func TestLateWritesLandWithinTheirBound(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st, _ := withRecord(t)
		f := fault.New(st, 1, fault.Faults{Late: 1, LateAtMost: time.Minute})
		start := time.Now()
		for i := range 20 {
			_, err := f.Create(t.Context(), kv.Record{Key: kv.Key(fmt.Sprint("late/", i))})
			require.ErrorIs(t, err, kv.ErrUncertain)
		}
		require.Zero(t, time.Since(start))
		count := func() int {
			start, end := kv.PrefixRange("late/")
			records, err := st.GetRange(t.Context(), start, end)
			require.NoError(t, err)
			return len(records)
		}
		synctest.Wait()
		require.Zero(t, count())
		time.Sleep(30 * time.Second)
		synctest.Wait()
		require.NotZero(t, count())
		require.Less(t, count(), 20)
		f.Heal()
		f.Wait()
		require.Equal(t, 20, count(), "healed or not, they land")
		require.LessOrEqual(t, time.Since(start), time.Minute)
	})
}

func TestLateIsASecondAtMostIfNothingElseIsSaid(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st, v := withRecord(t)
		f := fault.New(st, 1, fault.Faults{Late: 1})
		start := time.Now()
		_, err := f.CasByVersion(t.Context(), kv.Record{Key: "k", Version: v})
		require.ErrorIs(t, err, kv.ErrUncertain)
		rec, err := f.WaitForVersionChange(t.Context(), "k", v)
		require.NoError(t, err)
		require.Greater(t, rec.Version, v)
		require.LessOrEqual(t, time.Since(start), time.Second)
		f.Wait()
	})
}

func TestWritesThatLandAfterCloseAreLost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st, _ := withRecord(t)
		handle := st.Connect()
		f := fault.New(handle, 1, fault.Faults{Late: 1, LateAtMost: time.Hour})
		_, err := f.Create(t.Context(), kv.Record{Key: "late"})
		require.ErrorIs(t, err, kv.ErrUncertain)
		start := time.Now()
		require.NoError(t, f.Close())
		require.NoError(t, f.Close())
		require.Zero(t, time.Since(start), "Close waited for what will never land")
		_, err = f.Create(t.Context(), kv.Record{Key: "later"})
		require.ErrorIs(t, err, kv.ErrUncertain)
		time.Sleep(2 * time.Hour)
		for _, k := range []kv.Key{"late", "later"} {
			_, err = st.Get(t.Context(), k)
			require.ErrorIs(t, err, kv.ErrNotFound)
		}
	})
}

func TestDelaysAreBoundedAndEndWithCtx(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st, _ := withRecord(t)
		f := fault.New(st, 1, fault.Faults{DelayAtLeast: time.Second, DelayAtMost: 3 * time.Second})
		for range 20 {
			start := time.Now()
			_, err := f.Get(t.Context(), "k")
			require.NoError(t, err)
			require.GreaterOrEqual(t, time.Since(start), time.Second)
			require.LessOrEqual(t, time.Since(start), 3*time.Second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := f.Delete(ctx, "k")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, kv.ErrUncertain, "it was not sent")
		_, err = st.Get(t.Context(), "k")
		require.NoError(t, err)
	})
}

func TestFaultsSpareACallWhoseCtxIsOver(t *testing.T) {
	st, _ := withRecord(t)
	f := fault.New(st, 1, fault.Faults{Refused: 0.5, Late: 0.5})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		err := f.Delete(ctx, "k")
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, kv.ErrUncertain)
	}
}

func TestFaultsComeAtTheirRatesAndHeal(t *testing.T) {
	st, _ := withRecord(t)
	f := fault.New(st, 7, fault.Faults{})
	failures := func() int {
		n := 0
		for range 1000 {
			if _, err := f.Get(t.Context(), "k"); err != nil {
				n++
			}
		}
		return n
	}
	require.Zero(t, failures())
	f.Set(fault.Faults{Refused: 0.3})
	require.InDelta(t, 300, failures(), 60) // four deviations; and seeded
	f.Heal()
	require.Zero(t, failures())
}

func TestSameSeedSameFaults(t *testing.T) {
	run := func(seed uint64) string {
		st := memory.New(nil)
		defer st.Close()
		f := fault.New(st, seed, fault.Faults{Refused: 0.2, RequestLost: 0.2, AnswerLost: 0.2})
		outcomes := ""
		for i := range 50 {
			_, err := f.Create(t.Context(), kv.Record{Key: kv.Key(fmt.Sprint(i))})
			outcomes += fmt.Sprintln(err)
		}
		return outcomes
	}
	require.Equal(t, run(3), run(3))
	require.NotEqual(t, run(3), run(4))
}

func TestInvalidFaultsPanic(t *testing.T) {
	for _, faults := range []fault.Faults{
		{Refused: -0.1},
		{Refused: math.NaN()},
		{Refused: 0.6, Late: 0.6},
		{LateAtMost: -1},
		{DelayAtLeast: -1},
		{DelayAtLeast: 2, DelayAtMost: 1},
	} {
		require.Panics(t, func() { fault.New(nil, 1, faults) }, "%+v", faults)
		require.Panics(t, func() { fault.New(nil, 1, fault.Faults{}).Set(faults) }, "%+v", faults)
	}
	tenths := fault.Faults{Refused: 0.1, RequestLost: 0.2, AnswerLost: 0.3, Late: 0.4}
	require.NotPanics(t, func() { fault.New(nil, 1, tenths) })
}
