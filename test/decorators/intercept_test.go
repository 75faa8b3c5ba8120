package decorators

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
)

// everyCall makes each of the calls once, and returns their errors by operation. It wants a record at "k".
func everyCall(t *testing.T, st kv.Storage) map[string]error {
	ctx := t.Context()
	errs := map[string]error{
		"create":    second(st.Create(ctx, kv.Record{Key: "new", Value: kv.Value("v")})),
		"get":       second(st.Get(ctx, "k")),
		"get range": second(st.GetRange(ctx, "k", "l")),
		"wait":      second(st.WaitForVersionChange(ctx, "k", 1)),
		"cas":       second(st.CasByVersion(ctx, kv.Record{Key: "k", Version: 1})),
		"delete":    st.Delete(ctx, "new"),
		"get lease": second(st.Lessor().GetLease(1)),
	}
	l, err := st.Lessor().NewLease(ctx, time.Minute, true)
	if errs["new lease"] = err; err == nil {
		errs["release lease"] = l.Release()
	}
	a, ok := kv.As[kv.Appender](st)
	require.True(t, ok)
	_, _, _, errs["append"] = a.Append(ctx, kv.Record{Key: "q", Lease: 7}, "a", "z")
	p, ok := kv.As[kv.PlaceReader](st)
	require.True(t, ok)
	_, _, errs["read place"] = p.ReadPlace(ctx, "k", 7, "a", "z")
	rw, ok := kv.As[kv.RangeWatcher](st)
	require.True(t, ok)
	for _, errs["watch range"] = range rw.WatchRange(ctx, "k", "l") {
		break
	}
	return errs
}

// withRecord is a store with a record at "k".
func withRecord(t *testing.T) (*memory.Storage, kv.Version) {
	st := memory.New(nil)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	v, err := st.Create(t.Context(), kv.Record{Key: "k", Value: kv.Value("v")})
	require.NoError(t, err)
	return st, v
}

func TestEveryCallIsIntercepted(t *testing.T) {
	st, _ := withRecord(t)
	calls := map[string]intercept.Call{}
	everyCall(t, intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		calls[c.Op] = c
		return do(ctx)
	}))
	released := calls["release lease"].Lease
	require.Positive(t, released)
	require.Equal(t, map[string]intercept.Call{
		intercept.OpCreate:       {Op: "create", Key: "new"},
		intercept.OpGet:          {Op: "get", Key: "k"},
		intercept.OpGetRange:     {Op: "get range", Key: "k", End: "l"},
		intercept.OpWait:         {Op: "wait", Key: "k", Version: 1},
		intercept.OpCas:          {Op: "cas", Key: "k", Version: 1},
		intercept.OpDelete:       {Op: "delete", Key: "new"},
		intercept.OpGetLease:     {Op: "get lease", Lease: 1},
		intercept.OpNewLease:     {Op: "new lease"},
		intercept.OpReleaseLease: {Op: "release lease", Lease: released},
		intercept.OpAppend:       {Op: "append", Key: "q", End: "z", Lease: 7},
		intercept.OpReadPlace:    {Op: "read place", Key: "k", End: "z", Version: 7},
		intercept.OpWatchRange:   {Op: "watch range", Key: "k", End: "l"},
	}, calls)
}

func TestAnInterceptorCanRefuseEveryCall(t *testing.T) {
	st, _ := withRecord(t)
	l, err := st.Lessor().NewLease(t.Context(), time.Minute, true)
	require.NoError(t, err)
	refuse := true
	wrapped := intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		if refuse {
			return kv.ErrUnavailable
		}
		return do(ctx)
	})
	refuse = false
	mine, err := wrapped.Lessor().GetLease(l.Id())
	require.NoError(t, err)
	refuse = true
	errs := everyCall(t, wrapped)
	errs["release lease"] = mine.Release()
	require.Len(t, errs, 12)
	for op, err := range errs {
		require.ErrorIs(t, err, kv.ErrUnavailable, op)
		var said *kv.OpError
		require.ErrorAs(t, err, &said, op)
		require.Equal(t, op, said.Op)
	}
	require.Equal(t, kv.Key("k"), errs["get"].(*kv.OpError).Key)
	_, err = st.Get(t.Context(), "new")
	require.ErrorIs(t, err, kv.ErrNotFound, "nothing was done")
}

func TestArgumentsAreRefusedBeforeTheInterceptor(t *testing.T) {
	st, _ := withRecord(t)
	wrapped := intercept.Wrap(st, func(_ context.Context, c intercept.Call, _ func(context.Context) error) error {
		t.Errorf("the interceptor was asked about %s", c.Op)
		return kv.ErrUnavailable
	})
	var none context.Context
	rw, _ := kv.As[kv.RangeWatcher](wrapped)
	for _, err := range rw.WatchRange(none, "k", "l") {
		require.ErrorIs(t, err, kv.ErrInvalid)
	}
	require.ErrorIs(t, wrapped.Delete(none, "k"), kv.ErrInvalid)
	require.ErrorIs(t, wrapped.Delete(t.Context(), ""), kv.ErrInvalid)
	_, err := wrapped.Create(t.Context(), kv.Record{Key: "k", Value: make(kv.Value, kv.MaxValueLen+1)})
	require.ErrorIs(t, err, kv.ErrTooLarge)
}

// failing makes the call, and then returns what f makes of its error.
func failing(f func(error) error) intercept.Interceptor {
	return func(ctx context.Context, _ intercept.Call, do func(context.Context) error) error { return f(do(ctx)) }
}

func TestAfterAnErrorOfTheInterceptorValuesAreZero(t *testing.T) {
	st, _ := withRecord(t)
	lost := intercept.Wrap(st, failing(func(error) error { return kv.ErrUncertain }))
	ctx := t.Context()
	v, err := lost.Create(ctx, kv.Record{Key: "a"})
	require.ErrorIs(t, err, kv.ErrUncertain)
	require.Zero(t, v)
	v, err = lost.Create(ctx, kv.Record{Key: "a"})
	require.ErrorIs(t, err, kv.ErrUncertain)
	require.Zero(t, v, "the version belongs to another error")
	rec, err := lost.Get(ctx, "k")
	require.Error(t, err)
	require.Equal(t, kv.Record{}, rec)
	records, err := lost.GetRange(ctx, "a", "z")
	require.Error(t, err)
	require.Nil(t, records)
	a, _ := kv.As[kv.Appender](lost)
	v, rec, ahead, err := a.Append(ctx, kv.Record{Key: "b"}, "a", "z")
	require.Error(t, err)
	require.Zero(t, v)
	require.Zero(t, ahead)
	require.Equal(t, kv.Record{}, rec)
	_, err = st.Get(ctx, "b")
	require.NoError(t, err, "it was done all the same")
}

func TestTheVersionThatGoesWithAnErrorIsTold(t *testing.T) {
	st, v := withRecord(t)
	for name, f := range map[string]func(error) error{
		"as it is": func(err error) error { return err },
		"wrapped":  func(err error) error { return fmt.Errorf("with more words: %w", err) },
	} {
		wrapped := intercept.Wrap(st, failing(f))
		got, err := wrapped.Create(t.Context(), kv.Record{Key: "k"})
		require.ErrorIs(t, err, kv.ErrAlreadyExists, name)
		require.Equal(t, v, got, name)
		got, err = wrapped.CasByVersion(t.Context(), kv.Record{Key: "k", Version: v - 1})
		require.ErrorIs(t, err, kv.ErrWrongVersion, name)
		require.Equal(t, v, got, name)
		a, _ := kv.As[kv.Appender](wrapped)
		got, _, _, err = a.Append(t.Context(), kv.Record{Key: "k"}, "a", "z")
		require.ErrorIs(t, err, kv.ErrAlreadyExists, name)
		require.Equal(t, v, got, name)
	}
}

func TestAnInterceptorCannotMakeASuccess(t *testing.T) {
	st, _ := withRecord(t)
	ctx := t.Context()
	swallows := intercept.Wrap(st, failing(func(error) error { return nil }))
	_, err := swallows.Get(ctx, "absent")
	require.ErrorIs(t, err, kv.ErrNotFound)
	does := func(context.Context, intercept.Call, func(context.Context) error) error { return nil }
	for op, err := range everyCall(t, intercept.Wrap(st, does)) {
		require.ErrorIs(t, err, kv.ErrUncertain, op)
	}
}

func TestLateWriteTouchesNothingThatWasReturnedOrPassedIn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st, _ := withRecord(t)
		var landed error
		late := intercept.Wrap(st, func(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
			go func() {
				time.Sleep(time.Second)
				landed = do(context.WithoutCancel(ctx))
			}()
			return kv.ErrUncertain
		})
		value := kv.Value("mine")
		v, err := late.Create(t.Context(), kv.Record{Key: "late", Value: value})
		require.ErrorIs(t, err, kv.ErrUncertain)
		copy(value, "XXXX") // the caller's own again
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.NoError(t, landed)
		require.Zero(t, v)
		rec, err := st.Get(t.Context(), "late")
		require.NoError(t, err)
		require.Equal(t, "mine", string(rec.Value))
	})
}

func TestLeaseThatNobodyHearsOfRunsOut(t *testing.T) {
	for name, after := range map[string]time.Duration{"its answer is lost": 0, "it is granted late": time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				st, _ := withRecord(t)
				under := &grants{Storage: st}
				wrapped := intercept.Wrap(under, func(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
					if after == 0 {
						_ = do(ctx)
					} else {
						time.AfterFunc(after, func() { _ = do(context.WithoutCancel(ctx)) })
					}
					return kv.ErrUncertain
				})
				_, err := wrapped.Lessor().NewLease(t.Context(), time.Minute, true)
				require.ErrorIs(t, err, kv.ErrUncertain)
				time.Sleep(after + time.Second)
				synctest.Wait()
				_, err = st.Lessor().GetLease(under.last.Id())
				require.NoError(t, err, "it was granted")
				time.Sleep(time.Minute)
				_, err = st.Lessor().GetLease(under.last.Id())
				require.ErrorIs(t, err, kv.ErrWrongLeaseId, "it was renewed for nobody")
			})
		})
	}
}

// grants remembers the last lease that it granted.
type grants struct {
	kv.Storage
	last kv.Lease
}

func (g *grants) Lessor() kv.Lessor { return (*grantsLessor)(g) }

type grantsLessor grants

func (g *grantsLessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (l kv.Lease, err error) {
	g.last, err = g.Storage.Lessor().NewLease(ctx, ttl, keepAlive)
	return g.last, err
}

func (g *grantsLessor) GetLease(id kv.LeaseId) (kv.Lease, error) {
	return g.Storage.Lessor().GetLease(id)
}

func TestReleaseThatIsRefusedStillEndsTheRenewal(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st, _ := withRecord(t)
		wrapped := intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if c.Op == intercept.OpReleaseLease {
				return kv.ErrUnavailable
			}
			return do(ctx)
		})
		l, err := wrapped.Lessor().NewLease(t.Context(), time.Minute, true)
		require.NoError(t, err)
		require.ErrorIs(t, l.Release(), kv.ErrUnavailable)
		time.Sleep(time.Minute)
		require.LessOrEqual(t, l.TTL(), time.Duration(0))
	})
}

// bare is a lease that offers nothing more.
type bare struct{ kv.Lease }

type bareLessor struct{ kv.Lessor }

func (b bareLessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	l, err := b.Lessor.NewLease(ctx, ttl, keepAlive)
	return bare{l}, err
}

type bareLeases struct{ kv.Storage }

func (b bareLeases) Lessor() kv.Lessor { return bareLessor{b.Storage.Lessor()} }

func TestLeasesOfferWhatTheLeaseBeneathDoes(t *testing.T) {
	st, _ := withRecord(t)
	for _, c := range []struct {
		beneath kv.Storage
		want    bool
	}{{st, true}, {bareLeases{st}, false}} {
		l, err := intercept.Wrap(c.beneath, through).Lessor().NewLease(t.Context(), time.Minute, true)
		require.NoError(t, err)
		_, ends := l.(interface{ Done() <-chan struct{} })
		_, keeps := l.(interface{ StopKeepAlive() })
		require.Equal(t, c.want, ends, "Done")
		require.Equal(t, c.want, keeps, "StopKeepAlive")
		require.NoError(t, l.Release())
	}
}

func TestAWatchCanBeFailedByItsInterceptor(t *testing.T) {
	st, _ := withRecord(t)
	broken := errors.New("broken")
	wrapped := intercept.Wrap(st, func(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, do(ctx), context.Canceled)
		return broken
	})
	rw, _ := kv.As[kv.RangeWatcher](wrapped)
	var errs []error
	for _, err := range rw.WatchRange(t.Context(), "k", "l") {
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	require.EqualError(t, errs[0], `watch range "k": broken`)
}

func TestACallerWhoStoppedRangingIsToldNoError(t *testing.T) {
	st, _ := withRecord(t)
	var came error
	wrapped := intercept.Wrap(st, failing(func(err error) error {
		came = err
		return kv.ErrUnavailable
	}))
	rw, _ := kv.As[kv.RangeWatcher](wrapped)
	for event, err := range rw.WatchRange(t.Context(), "k", "l") {
		require.NoError(t, err)
		require.True(t, event.Reset)
		break
	}
	require.NoError(t, came)
}

func TestAWatchBegunTooLateYieldsNothing(t *testing.T) {
	st, _ := withRecord(t)
	var late func(context.Context) error
	wrapped := intercept.Wrap(st, func(_ context.Context, _ intercept.Call, do func(context.Context) error) error {
		late = do
		return kv.ErrUnavailable
	})
	rw, _ := kv.As[kv.RangeWatcher](wrapped)
	var errs []error
	for _, err := range rw.WatchRange(t.Context(), "k", "l") {
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], kv.ErrUnavailable)
	require.NoError(t, late(t.Context()))
	require.Len(t, errs, 1)
}
