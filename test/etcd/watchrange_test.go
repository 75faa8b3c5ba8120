package etcd

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// follow ranges over a watch and returns its events and, at the end, its error.
func follow(ctx context.Context, st kv.RangeWatcher, start, end kv.Key) (<-chan kv.RangeEvent, <-chan error) {
	events, failed := make(chan kv.RangeEvent, 10_000), make(chan error, 1)
	go func() {
		var last error
		for e, err := range st.WatchRange(ctx, start, end) {
			if last = err; err == nil {
				events <- e
			}
		}
		failed <- last
	}()
	return events, failed
}

// next returns the next event that is more than progress.
func next(t *testing.T, events <-chan kv.RangeEvent) kv.RangeEvent {
	t.Helper()
	for {
		if e := receive(t, events, "event"); !e.Progress {
			return e
		}
	}
}

func keys(recs kv.Records) (ks []kv.Key) {
	for _, r := range recs {
		ks = append(ks, r.Key)
	}
	return ks
}

func TestWatchRangeYieldsTheRangeAndThenEachStep(t *testing.T) {
	server := etcdtest.Start(t)
	st := server.Storage(t)
	create(t, st, "r/b", "")
	create(t, st, "s", "outside")
	events, _ := follow(t.Context(), st, "r/", "r/z")
	reset := next(t, events)
	require.True(t, reset.Reset)
	require.Equal(t, []kv.Key{"r/b"}, keys(reset.Puts))

	l := grant(t, st, time.Minute, false)
	var last kv.Version
	for _, k := range []kv.Key{"r/z", "r/a", "r/c"} {
		v, err := st.Create(t.Context(), kv.Record{Key: k, Lease: l.Id(), Value: kv.Value(k)})
		require.NoError(t, err)
		e := next(t, events)
		require.Equal(t, kv.RangeEvent{Version: v, Puts: kv.Records{{Key: k, Value: kv.Value(k), Version: v, Lease: l.Id()}}}, e)
		last = v
	}
	create(t, st, "r/zz", "outside")
	require.NoError(t, l.Release())
	e := next(t, events)
	require.Equal(t, []kv.Key{"r/a", "r/c", "r/z"}, e.Deletes, "one step, in one event, sorted")
	require.Empty(t, e.Puts)
	require.Greater(t, e.Version, last)
}

func TestWatchRangeHasNoGapOverLostStreams(t *testing.T) {
	server := etcdtest.Start(t)
	proxy := server.Proxy(t)
	direct := server.Storage(t)
	events, _ := follow(t.Context(), etcdtest.Open(t, proxy.Endpoint(), nil), "r/", "r/z")
	require.True(t, next(t, events).Reset)
	var want kv.Records
	for i := range 300 {
		v := create(t, direct, kv.Key(fmt.Sprintf("r/%03d", i)), "")
		want = append(want, kv.Record{Key: kv.Key(fmt.Sprintf("r/%03d", i)), Version: v})
		switch i % 60 {
		case 30:
			proxy.Cut()
		case 45:
			proxy.Refuse(true)
		case 55:
			proxy.Refuse(false)
		}
	}
	var got kv.Records
	for len(got) < len(want) {
		e := next(t, events)
		require.False(t, e.Reset)
		require.Len(t, e.Puts, 1)
		got = append(got, e.Puts...)
	}
	require.Equal(t, want, got)
}

func TestWatchRangeResetsAfterACompaction(t *testing.T) {
	server := etcdtest.Start(t)
	proxy := server.Proxy(t)
	direct := server.Storage(t)
	create(t, direct, "r/old", "")
	events, _ := follow(t.Context(), etcdtest.Open(t, proxy.Endpoint(), nil), "r/", "r/z")
	require.Equal(t, []kv.Key{"r/old"}, keys(next(t, events).Puts))
	proxy.Refuse(true)
	eventually(t, "the watch is gone", func() bool { return server.Watchers(t) == 0 })
	require.NoError(t, direct.Delete(t.Context(), "r/old"))
	v := create(t, direct, "r/new", "")
	compact(t, server.Client(t))
	proxy.Refuse(false)
	e := next(t, events)
	require.True(t, e.Reset)
	require.Equal(t, []kv.Key{"r/new"}, keys(e.Puts))
	require.GreaterOrEqual(t, e.Version, v)
	v = create(t, direct, "r/later", "")
	require.Equal(t, v, next(t, events).Version)
}

func TestWatchRangeSaysThatItLives(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	st := server.Storage(t)
	for name, end := range map[string]kv.Key{"a range": "r/z", "an empty one": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, _ := follow(t.Context(), st, "r/", end)
			require.True(t, receive(t, events, "reset").Reset)
			v := create(t, st, kv.Key("elsewhere/"+name), "")
			for range 2 {
				e := receive(t, events, "progress")
				require.True(t, e.Progress)
				require.GreaterOrEqual(t, e.Version, v, "the position moves with the store")
			}
		})
	}
}

func TestWatchRangeEndsWithContextCloseOrBreak(t *testing.T) {
	server := etcdtest.Start(t)
	st := server.Storage(t)

	ctx, cancel := context.WithCancel(t.Context())
	events, failed := follow(ctx, st, "r/", "r/z")
	require.True(t, next(t, events).Reset)
	cancel()
	require.ErrorIs(t, receive(t, failed, "end"), context.Canceled)

	for e, err := range st.WatchRange(t.Context(), "r/", "r/z") {
		require.NoError(t, err)
		require.True(t, e.Reset)
		break
	}
	eventually(t, "no watch is left", func() bool { return server.Watchers(t) == 0 })

	events, failed = follow(t.Context(), st, "r/", "r/z")
	require.True(t, next(t, events).Reset)
	require.NoError(t, st.Close())
	require.ErrorIs(t, receive(t, failed, "end"), kv.ErrClosed)
}

func TestWatchRangeBeginsBeforeTheStoreIsThere(t *testing.T) {
	server := etcdtest.Start(t)
	proxy := server.Proxy(t)
	proxy.Refuse(true)
	events, failed := follow(t.Context(), etcdtest.Open(t, proxy.Endpoint(), nil), "r/", "r/z")
	requireSilent(t, failed, 300*time.Millisecond, "it ended")
	proxy.Refuse(false)
	require.True(t, next(t, events).Reset)
}

func TestTransactionOfManyKeysIsOneEvent(t *testing.T) {
	server := etcdtest.Start(t)
	events, _ := follow(t.Context(), server.Storage(t), "r/", "r/z")
	require.True(t, next(t, events).Reset)
	c := server.Client(t)
	_, err := c.Put(t.Context(), "r/gone", "")
	require.NoError(t, err)
	require.Len(t, next(t, events).Puts, 1)
	_, err = c.Txn(t.Context()).Then(clientv3.OpPut("r/y", ""), clientv3.OpDelete("r/gone"), clientv3.OpPut("r/b", "")).Commit()
	require.NoError(t, err)
	e := next(t, events)
	require.Equal(t, []kv.Key{"r/b", "r/y"}, keys(e.Puts))
	require.Equal(t, []kv.Key{"r/gone"}, e.Deletes)
}
