package linear

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

// connect opens a store in memory and a handle on it for each client.
func connect(t *testing.T) (handles []*memory.Storage, closeAll func()) {
	store := memory.New(nil)
	handles = append(handles, store)
	for range clients - 1 {
		handles = append(handles, store.Connect())
	}
	return handles, func() {
		for _, h := range handles {
			require.NoError(t, h.Close())
		}
	}
}

// wrapped are the handles, each in what wrap makes of it.
func wrapped(handles []*memory.Storage, wrap func(i int, st *memory.Storage) kv.Storage) []kv.Storage {
	var all []kv.Storage
	for i, h := range handles {
		all = append(all, wrap(i, h))
	}
	return all
}

func plain(_ int, st *memory.Storage) kv.Storage { return st }

func TestMemoryIsLinearizable(t *testing.T) {
	var sum tally
	each(t, 150, func(seed uint64) {
		handles, closeAll := connect(t)
		defer closeAll()
		sum.check(t, newWorld("", 0), wrapped(handles, plain), seed)
	})
	sum.log(t)
	require.NotZero(t, sum.overlaps, "nothing ran at the same time")
}

func TestMemoryIsLinearizableWhileHandlesAreCutOff(t *testing.T) {
	var sum tally
	each(t, 50, func(seed uint64) {
		handles, closeAll := connect(t)
		defer closeAll()
		stop := make(chan struct{})
		var work sync.WaitGroup
		for i, h := range handles {
			dice := rand.New(rand.NewPCG(seed, 1000+uint64(i)))
			work.Go(func() { cutNowAndThen(h, dice, stop) })
		}
		sum.check(t, newWorld("", 0), wrapped(handles, plain), seed)
		close(stop)
		work.Wait()
	})
	sum.log(t)
	require.NotZero(t, sum.failed, "no cut hit anything")
	require.Zero(t, sum.unknown, "memory knows all outcomes")
}

// cutNowAndThen cuts the handle off and connects it again until stop.
func cutNowAndThen(h *memory.Storage, dice *rand.Rand, stop <-chan struct{}) {
	for connected := false; ; connected = !connected {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(dice.IntN(100)) * time.Microsecond):
			h.SetConnected(connected)
		}
	}
}

// TestLossyWaysAreLinearizable shows that the checker takes every outcome that an honest ErrUncertain can have.
func TestLossyWaysAreLinearizable(t *testing.T) {
	var sum tally
	each(t, 100, func(seed uint64) {
		handles, closeAll := connect(t)
		defer closeAll()
		var late sync.WaitGroup
		sum.check(t, newWorld("", 0), wrapped(handles, func(i int, st *memory.Storage) kv.Storage {
			return &lossy{st, rand.New(rand.NewPCG(seed, 2000+uint64(i))), &late}
		}), seed)
		late.Wait()
	})
	sum.log(t)
	require.NotZero(t, sum.effective, "no lost answer was of a write that took effect")
	require.Less(t, sum.effective, sum.unknown, "no lost write took no effect")
}
