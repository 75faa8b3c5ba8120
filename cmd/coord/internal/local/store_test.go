//go:build linux && !nolocal

package local_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/local"
)

func TestFiftyAtOnceEndUpWithOneServer(t *testing.T) {
	home(t)
	const n = 50
	pids := make([]string, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			out, err := command(t, fmt.Sprintf("cmd/%d", i)).CombinedOutput()
			if err != nil {
				t.Errorf("command %d: %v: %s", i, err, out)
			}
			pids[i] = string(out)
		})
	}
	all.Wait()
	st, c := open(t, nil)
	require.False(t, st.Started(), "the server is there")
	require.EqualValues(t, n, has(t, c, "cmd/"))
	for _, pid := range pids {
		require.Equal(t, pids[0], pid, "server of every command")
	}
}

// The server may have become ready between the look for one and the lock.
func TestAStarterLooksOnceMore(t *testing.T) {
	home(t)
	open(t, nil)
	st, _ := open(t, nil)
	conn, err := st.StartServer(t.Context())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.False(t, st.Started())
}

// Servers leave all the time, and no command is left without one.
func TestNobodyIsLeftWithAServerThatIsLeaving(t *testing.T) {
	home(t)
	const workers, each, idle = 4, 40, 20 * time.Millisecond
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var started atomic.Int64
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(w)))
			for i := range each {
				if err := visit(t.Context(), idle, fmt.Sprintf("w%d/%d", w, i), &started); err != nil {
					t.Errorf("worker %d: %v", w, err)
					return
				}
				// The pauses are the test: they hit the moment at which a server leaves.
				time.Sleep(idle + time.Duration(rng.Int64N(int64(4*idle))))
			}
		})
	}
	all.Wait()
	_, c := open(t, nil)
	require.EqualValues(t, workers*each, has(t, c, "w"))
	t.Logf("%d servers", started.Load())
	require.Greater(t, started.Load(), int64(5), "servers that came and went")
}

func visit(ctx context.Context, idle time.Duration, key string, started *atomic.Int64) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	st, err := local.Open(ctx, &local.Options{Idle: idle})
	if err != nil {
		return err
	}
	defer st.Close()
	if st.Started() {
		started.Add(1)
	}
	c, err := newClient(st)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Put(ctx, key, "done")
	return err
}

// Clients reconnect, start the server again, and find everything that was acknowledged.
func TestAKilledServerIsStartedAgainOnItsData(t *testing.T) {
	home(t)
	st, c := open(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	var acked atomic.Int64
	var load sync.WaitGroup
	for w := range 4 {
		load.Go(func() {
			st, err := local.Open(ctx, nil)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			defer st.Close()
			c, err := newClient(st)
			if err != nil {
				t.Errorf("client: %v", err)
				return
			}
			defer c.Close()
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := c.Put(ctx, fmt.Sprintf("load/%d/%d", w, i), "done"); err == nil {
					acked.Add(1)
				}
			}
		})
	}
	pids := map[int]bool{}
	for i := range 8 {
		for before := acked.Load(); acked.Load() < before+50; { // some load on every server
			put(t, c, "mine")
		}
		conn, pid := watchServer(t, st)
		require.False(t, pids[pid], "server %d is a new one", i)
		pids[pid] = true
		kill(t, conn, pid)
		put(t, c, "after")
	}
	stop()
	load.Wait()
	require.GreaterOrEqual(t, has(t, c, "load/"), acked.Load(), "acknowledged writes are there")
}

func TestALockHolderOutlivesAKilledServer(t *testing.T) {
	home(t)
	st, c := open(t, nil)
	lease, err := c.Grant(t.Context(), 5)
	require.NoError(t, err)
	_, err = c.Put(t.Context(), "lock", "me", clientv3.WithLease(lease.ID))
	require.NoError(t, err)
	alive, err := c.KeepAlive(t.Context(), lease.ID)
	require.NoError(t, err)
	<-alive
	conn, pid := watchServer(t, st)
	kill(t, conn, pid)
	// Nobody calls the store but the keep-alive: that is enough to bring the server back.
	for answers := 0; answers < 2; answers++ {
		_, ok := <-alive
		require.True(t, ok, "the lease is kept")
	}
	require.EqualValues(t, 1, has(t, c, "lock"))
}

func TestAServerThatThisProcessStartedLeavesNoZombie(t *testing.T) {
	home(t)
	st, _ := open(t, nil)
	require.True(t, st.Started())
	conn, pid := watchServer(t, st)
	kill(t, conn, pid)
	require.Eventually(t, func() bool { // reaped by the first reconnect after its end
		conn, err := st.Dialer()(t.Context(), "")
		if err == nil {
			conn.Close()
		}
		_, err = os.Stat(fmt.Sprintf("/proc/%d", pid))
		return os.IsNotExist(err)
	}, 20*time.Second, 10*time.Millisecond)
}

// The server goes on when its starter gives up, and is there for the next one.
func TestAStarterMayGiveUp(t *testing.T) {
	state, _ := home(t)
	require.NoError(t, local.Visit(t.Context()))
	dir := dirOf(t, state)
	// As long as another has this lock, the server is not ready.
	held, err := os.Create(dir + "/server")
	require.NoError(t, err)
	defer held.Close()
	require.NoError(t, unix.Flock(int(held.Fd()), unix.LOCK_EX))
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	given := make(chan error, 1)
	go func() { _, err := local.Open(ctx, nil); given <- err }()
	require.Eventually(t, func() bool { // it has begun
		_, err := os.Stat(dir + "/log")
		return err == nil
	}, 20*time.Second, time.Millisecond)
	giveUp()
	err = <-given
	require.NoError(t, held.Close())
	require.ErrorIs(t, err, context.Canceled)
	requireCode(t, err, local.Unavailable, "ready in time")
	st, c := open(t, nil)
	require.False(t, st.Started(), "the first one's server")
	put(t, c, "k")
}

func TestStartsOnWhatACrashLeft(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, dir, socket string){
		"socket of nobody":  func(*testing.T, string, string) {},
		"no socket":         func(t *testing.T, _, socket string) { require.NoError(t, os.Remove(socket)) },
		"file for a socket": func(t *testing.T, _, socket string) { require.NoError(t, os.Remove(socket)); write(t, socket, "x") },
		"empty pointer":     func(t *testing.T, dir, _ string) { write(t, dir+"/socket", "") },
		"torn pointer":      func(t *testing.T, dir, socket string) { write(t, dir+"/socket", socket[:10]) },
		"strange pointer":   func(t *testing.T, dir, _ string) { write(t, dir+"/socket", "../x\n\n") },
	} {
		t.Run(name, func(t *testing.T) {
			state, _ := home(t)
			st, c := open(t, nil)
			put(t, c, "k")
			require.NoError(t, c.Close())
			conn, pid := watchServer(t, st)
			kill(t, conn, pid)
			prepare(t, dirOf(t, state), path(st))
			_, c = open(t, nil)
			require.EqualValues(t, 1, has(t, c, "k"))
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestClientsLeakNoDescriptors(t *testing.T) {
	home(t)
	st, _ := open(t, nil)
	_, pid := watchServer(t, st)
	count := func(pid string) int {
		fds, err := os.ReadDir("/proc/" + pid + "/fd")
		require.NoError(t, err)
		return len(fds)
	}
	var started atomic.Int64
	require.NoError(t, visit(t.Context(), 0, "first", &started))
	mine, servers := count("self"), count(fmt.Sprint(pid))
	for i := range 20 {
		require.NoError(t, visit(t.Context(), 0, fmt.Sprint("k", i), &started))
	}
	require.LessOrEqual(t, count("self"), mine+2, "mine")
	require.Eventually(t, func() bool { return count(fmt.Sprint(pid)) <= servers+2 }, 20*time.Second, 10*time.Millisecond,
		"the server's")
}

func TestCloseGivesUpTheShareAndEndsTheDialer(t *testing.T) {
	home(t)
	st, c := open(t, &local.Options{Idle: 50 * time.Millisecond})
	put(t, c, "k")
	require.NoError(t, c.Close())
	conn, _ := watchServer(t, st)
	require.NoError(t, st.Close())
	require.NoError(t, st.Close(), "second Close")
	ended(t, conn)
	_, err := st.Dialer()(t.Context(), "")
	requireCode(t, err, local.Unavailable, "closed")
}
