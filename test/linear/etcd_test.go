package linear

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// pastFaults is about how long a call on etcd lasts at most where faults last for some milliseconds.
const pastFaults = 100 * time.Millisecond

// ways opens a storage for each client with a client of its own, behind a proxy of its own.
func ways(t *testing.T, server *etcdtest.Server) (handles []kv.Storage, proxies []*etcdtest.Proxy) {
	for range clients {
		p := server.Proxy(t)
		proxies = append(proxies, p)
		handles = append(handles, etcdtest.Open(t, p.Endpoint(), nil))
	}
	return handles, proxies
}

func TestEtcdIsLinearizable(t *testing.T) {
	t.Parallel()
	handles, _ := ways(t, etcdtest.Start(t))
	var sum tally
	each(t, 8, func(seed uint64) {
		sum.check(t, newWorld(kv.Key(fmt.Sprintf("%d/", seed)), 0), handles, seed)
	})
	sum.log(t)
	require.NotZero(t, sum.overlaps, "nothing ran at the same time")
	require.Zero(t, sum.unknown+sum.failed, "something failed, though nothing was wrong")
}

func TestEtcdIsLinearizableOnFaultyWays(t *testing.T) {
	t.Parallel()
	handles, proxies := ways(t, etcdtest.Start(t))
	var sum tally
	eachUntil(t, 8, func() bool { return sum.effective >= 5 }, func(seed uint64) {
		undisturbed := disturbAll(proxies, seed)
		defer undisturbed()
		sum.check(t, newWorld(kv.Key(fmt.Sprintf("%d/", seed)), pastFaults), handles, seed)
	})
	sum.log(t)
	require.NotZero(t, sum.overlaps, "nothing ran at the same time")
	require.NotZero(t, sum.effective, "no lost answer was of a write that took effect")
	require.Less(t, sum.effective, sum.unknown, "no lost request took no effect")
}

// disturbAll disturbs each way, until the function that it returns is called.
func disturbAll(proxies []*etcdtest.Proxy, seed uint64) (undisturbed func()) {
	stop := make(chan struct{})
	var work sync.WaitGroup
	for i, p := range proxies {
		dice := rand.New(rand.NewPCG(seed, 4000+uint64(i)))
		work.Go(func() { disturb(p, dice, stop) })
	}
	return func() {
		close(stop)
		work.Wait()
	}
}

// disturb does something to a client's way now and then, until stop, and leaves it whole.
func disturb(p *etcdtest.Proxy, dice *rand.Rand, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(dice.IntN(30)) * time.Millisecond):
		}
		way := etcdtest.Direction(dice.IntN(2))
		lasts := time.Duration(dice.IntN(8000)) * time.Microsecond
		switch dice.IntN(4) {
		case 0:
			p.Cut()
		case 1: // some calls end meanwhile, and what they sent arrives afterwards
			p.Hold(way, true)
			time.Sleep(lasts * 20)
			p.Hold(way, false)
		default:
			p.Lose(way, true)
			time.Sleep(lasts)
			p.Lose(way, false)
			p.Cut()
		}
	}
}
