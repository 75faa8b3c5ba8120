package etcd

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/coordkit/coord/kv"
)

// await returns what comes from ch, or fails.
func await[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

type waited struct {
	rec kv.Record
	err error
}

func wait(ctx context.Context, st *Storage, key kv.Key, v kv.Version) <-chan waited {
	out := make(chan waited, 1)
	go func() {
		rec, err := st.WaitForVersionChange(ctx, key, v)
		out <- waited{rec, err}
	}()
	return out
}

// connect makes the storage's connection, so that a wait does not begin with a read of its own for want of one.
func connect(t *testing.T, st *Storage) {
	t.Helper()
	_, err := st.Get(t.Context(), "k")
	require.NoError(t, err)
}

func TestWaitReadsOnlyOnceItsWatchStands(t *testing.T) {
	a := &answering{rng: func(int32) (*pb.RangeResponse, error) { return found(10, keyValue("k", 5)) }}
	st := served(t, a)
	connect(t, st)
	w := script(t, st)
	before := a.reads.Load()
	out := wait(t.Context(), st, "k", 5)
	p := await(t, w.opened, "watch")
	require.Zero(t, p.rev, "from now")
	select {
	case <-out:
		t.Fatal("the wait returned")
	case <-time.After(50 * time.Millisecond):
	}
	require.Equal(t, before, a.reads.Load(), "reads before the watch stands")
	p.ch <- created(10)
	p.ch <- wrote("k", 11)
	got := await(t, out, "end of the wait")
	require.NoError(t, got.err)
	require.EqualValues(t, 11, got.rec.Version)
	require.Equal(t, before+1, a.reads.Load())
}

func TestWatchGivenUpByTheClientResumesAfterWhatWasSeen(t *testing.T) {
	a := &answering{rng: func(int32) (*pb.RangeResponse, error) { return found(10, keyValue("k", 5)) }}
	st := served(t, a)
	connect(t, st)
	w := script(t, st)
	out := wait(t.Context(), st, "k", 5)
	p := await(t, w.opened, "watch")
	p.ch <- created(10)
	p.ch <- leaderless()
	p = await(t, w.opened, "second watch")
	require.EqualValues(t, 11, p.rev, "after the revision at which it was created")
	p.ch <- created(200)
	p.ch <- wrote("k", 12)
	require.EqualValues(t, 12, await(t, out, "end of the wait").rec.Version)
}

func TestPositionOfAWatchThatCatchesUpIsItsLastEvent(t *testing.T) {
	a := &answering{rng: func(int32) (*pb.RangeResponse, error) { return found(10, keyValue("k", 5)) }}
	st := served(t, a)
	connect(t, st)
	w := script(t, st)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := make(chan kv.RangeEvent)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e, err := range st.WatchRange(ctx, "a", "z") {
			if err == nil {
				events <- e
			}
		}
	}()
	p := await(t, w.opened, "watch")
	p.ch <- created(10)
	require.True(t, await(t, events, "reset").Reset)
	p.ch <- wrote("k", 9) // before the read: dropped
	p.ch <- wrote("k", 12)
	require.EqualValues(t, 12, await(t, events, "event").Version)
	p.ch <- leaderless()
	p = await(t, w.opened, "second watch")
	require.EqualValues(t, 13, p.rev, "the header said 112")
	cancel()
	<-ended
}

func TestReadThatBeganBeforeAWaiterJoinedIsNotItsOwn(t *testing.T) {
	release := make(chan struct{})
	began := make(chan int32, 10)
	a := &answering{rng: func(n int32) (*pb.RangeResponse, error) {
		if n == 1 {
			return found(10, keyValue("k", 5)) // connect
		}
		began <- n
		<-release
		if n == 2 {
			return found(10, keyValue("k", 5))
		}
		return found(20, keyValue("k", 20))
	}}
	st := served(t, a)
	connect(t, st)
	w := script(t, st)
	first := wait(t.Context(), st, "k", 5)
	p := await(t, w.opened, "watch")
	p.ch <- created(10)
	await(t, began, "the first waiter's read")
	// The second comes while that read is under way, and its version is newer than what the read will show.
	second := wait(t.Context(), st, "k", 20)
	require.Eventually(t, func() bool {
		st.hub.mu.Lock()
		defer st.hub.mu.Unlock()
		return st.hub.topics["k"].waiters == 2
	}, 10*time.Second, time.Millisecond, "the second waits")
	close(release)
	await(t, began, "the second waiter's read")
	p.ch <- wrote("k", 20)
	require.EqualValues(t, 20, await(t, first, "end of the first").rec.Version)
	select {
	case got := <-second:
		t.Fatalf("the second returned with what it had: %v", got)
	case <-time.After(50 * time.Millisecond):
	}
	p.ch <- wrote("k", 21)
	require.EqualValues(t, 21, await(t, second, "end of the second").rec.Version)
}
