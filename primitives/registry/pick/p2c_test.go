package pick_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

var errWork = errors.New("work failed")

// work does n pieces of work, one after the other, each as long, and with the end, that how says. It returns who got how many.
func work(t *testing.T, p pick.Picker, s *registry.Snapshot, n int, how func(id string) (time.Duration, error)) map[string]int {
	t.Helper()
	got := make(map[string]int)
	for range n {
		picked, err := p.Pick(s)
		require.NoError(t, err, "Pick")
		got[picked.Instance.ID]++
		took, err := how(picked.Instance.ID)
		time.Sleep(took)
		picked.Done(err)
	}
	return got
}

// last returns work that lasts as long, and succeeds.
func last(by map[string]time.Duration) func(string) (time.Duration, error) {
	return func(id string) (time.Duration, error) { return by[id], nil }
}

// begin picks n times, and is done with none.
func begin(t *testing.T, p pick.Picker, s *registry.Snapshot, n int) (got map[string]int, picks []pick.Pick) {
	t.Helper()
	got = make(map[string]int)
	for range n {
		picked, err := p.Pick(s)
		require.NoError(t, err, "Pick")
		got[picked.Instance.ID]++
		picks = append(picks, picked)
	}
	return got, picks
}

func p2c(t *testing.T, change func(*pick.P2COptions)) *pick.P2C {
	o := &pick.P2COptions{Options: *seeded(t)}
	if change != nil {
		change(o)
	}
	return pick.NewP2C(o)
}

func inFlightOnly(o *pick.P2COptions) { o.Decay = -1 }

func TestP2CPrefersTheFaster(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		got := work(t, p2c(t, nil), snapshot(instance("fast"), instance("slow")), 1000,
			last(map[string]time.Duration{"fast": time.Millisecond, "slow": 10 * time.Millisecond}))
		require.Greater(t, got["fast"], 950, "of %v", got)
		require.NotZero(t, got["slow"], "it is tried")
	})
}

func TestP2CPicksTheLessBusy(t *testing.T) {
	for name, decay := range map[string]time.Duration{"latency": 0, "in flight only": -1} {
		t.Run(name, func(t *testing.T) {
			p := p2c(t, func(o *pick.P2COptions) { o.Decay = decay })
			s := snapshot(many(2)...)
			got, picks := begin(t, p, s, 100)
			require.Equal(t, map[string]int{"i0000": 50, "i0001": 50}, got)
			for _, picked := range picks { // the work at one of them ends, and so all goes there
				if picked.Instance.ID == "i0001" {
					picked.Done(nil)
				}
			}
			got, _ = begin(t, p, s, 50)
			require.Equal(t, map[string]int{"i0001": 50}, got)
		})
	}
}

func TestP2CDividesByWeight(t *testing.T) {
	got, _ := begin(t, p2c(t, inFlightOnly), snapshot(instance("a", weight(10)), instance("b", weight(30))), 400)
	require.InDelta(t, 100, got["a"], 1, "of 400 at weights 10 and 30")
}

func TestP2CTakesTheHeavierOfTwoThatAreAlike(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := snapshot(instance("a", weight(10)), instance("b", weight(30)))
		require.Equal(t, map[string]int{"b": 50}, count(t, p2c(t, inFlightOnly), s, 50))
		p := p2c(t, nil)
		work(t, p, s, 20, last(map[string]time.Duration{"a": time.Second, "b": time.Second}))
		require.Equal(t, map[string]int{"b": 5}, work(t, p, s, 5, last(map[string]time.Duration{"b": time.Second})))
	})
}

func TestP2CSpreadsBetterThanChance(t *testing.T) {
	const n = 100
	s := snapshot(many(n)...)
	most := func(p pick.Picker) int {
		got, _ := begin(t, p, s, 100*n)
		m := 0
		for _, k := range got {
			m = max(m, k)
		}
		return m
	}
	two, one := most(p2c(t, inFlightOnly)), most(pick.NewRandom(seeded(t)))
	t.Logf("the busiest has %d by two choices, %d by one, %d on average", two, one, 100)
	require.LessOrEqual(t, two, 105)
	require.Greater(t, one, 115)
}

func TestP2CDrawsAlike(t *testing.T) {
	bubble.Test(t, func(t *testing.T) { // no time passes: all have the same load
		s := snapshot(many(7)...)
		requireShares(t, s, count(t, p2c(t, nil), s, 20_000), 20_000)
	})
}

func TestP2CInFlightOnlyIgnoresLatencyAndFailures(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := snapshot(many(2)...)
		got := work(t, p2c(t, inFlightOnly), s, 1000, func(id string) (time.Duration, error) {
			if id == "i0000" {
				return time.Second, errWork
			}
			return 0, nil
		})
		requireShares(t, s, got, 1000)
	})
}

func TestP2CAvoidsOneThatFailsFast(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		got := work(t, p2c(t, nil), snapshot(instance("bad"), instance("good")), 1000, func(id string) (time.Duration, error) {
			if id == "bad" {
				return time.Millisecond, errWork
			}
			return 100 * time.Millisecond, nil
		})
		require.Less(t, got["bad"], 20, "of %v", got)
	})
}

func TestP2CNoticesOneThatBeginsToFail(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := snapshot(instance("a"), instance("b"))
		p := p2c(t, nil)
		work(t, p, s, 2000, last(map[string]time.Duration{"a": 10 * time.Millisecond, "b": 12 * time.Millisecond}))
		got := work(t, p, s, 1000, func(id string) (time.Duration, error) {
			if id == "a" {
				return time.Millisecond, errWork // ten times as fast as it was
			}
			return 12 * time.Millisecond, nil
		})
		require.Less(t, got["a"], 50, "of %v", got)
	})
}

func TestP2CFailuresWeighByTheirRate(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		calls := make(map[string]int)
		got := work(t, p2c(t, nil), snapshot(instance("rarely"), instance("often")), 20_000, func(id string) (time.Duration, error) {
			calls[id]++
			if every := map[string]int{"rarely": 500, "often": 20}[id]; calls[id]%every == 0 {
				return time.Millisecond, errWork
			}
			return 10 * time.Millisecond, nil
		})
		require.Greater(t, got["rarely"], 5*got["often"], "of %v", got)
	})
}

func TestP2CFailureCostCanBeNothing(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		got := work(t, p2c(t, func(o *pick.P2COptions) { o.FailureCost = -1 }), snapshot(instance("bad"), instance("good")), 1000,
			func(id string) (time.Duration, error) {
				if id == "bad" {
					return time.Millisecond, errWork
				}
				return 10 * time.Millisecond, nil
			})
		require.Greater(t, got["bad"], 900, "of %v", got)
	})
}

// begun returns a picker that knows a and b by one answer each, which took that long, and has one piece of work in flight at
// both, so that nothing is forgiven.
func begun(t *testing.T, a, b time.Duration) *pick.P2C {
	p := p2c(t, func(o *pick.P2COptions) { o.Decay = time.Hour })
	for id, took := range map[string]time.Duration{"a": a, "b": b} {
		work(t, p, snapshot(instance(id)), 1, last(map[string]time.Duration{id: took}))
		begin(t, p, snapshot(instance(id)), 1)
	}
	return p
}

func TestP2CCancelledWorkIsNoAnswer(t *testing.T) {
	for _, c := range []struct {
		name         string
		a, b         time.Duration
		cancelled    string
		after        time.Duration
		picked, says string
	}{
		{"early is no failure", 2 * time.Second, 2200 * time.Millisecond, "a", time.Second, "a", "it is not worse"},
		{"early is no success", 5 * time.Second, 10 * time.Second, "b", time.Second, "a", "it is not better"},
		{"late is a slow answer", 2 * time.Second, 3 * time.Second, "a", 4 * time.Second, "b", "it would have taken longer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := begun(t, c.a, c.b)
				work(t, p, snapshot(instance(c.cancelled)), 3600, func(string) (time.Duration, error) {
					return c.after, fmt.Errorf("call: %w", context.Canceled)
				})
				got, _ := begin(t, p, snapshot(instance("a"), instance("b")), 1)
				require.Equal(t, map[string]int{c.picked: 1}, got, c.says)
			})
		})
	}
}

func TestP2CPeakCountsAtOnceAndPasses(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		steady := map[string]time.Duration{"a": 10 * time.Millisecond, "b": 20 * time.Millisecond}
		s := snapshot(instance("a"), instance("b"))
		p := p2c(t, nil)
		work(t, p, s, 100, last(steady))
		require.Equal(t, map[string]int{"a": 1}, work(t, p, s, 1, last(map[string]time.Duration{"a": 50 * time.Millisecond})))
		require.Equal(t, map[string]int{"b": 50}, work(t, p, s, 50, last(steady)), "after one slow answer")
		require.Greater(t, work(t, p, s, 5000, last(steady))["a"], 3000, "in the end")
	})
}

func TestP2CFastAnswersDrawTheAverageDownSlowly(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := begun(t, 10*time.Second, 4*time.Second)
		for _, c := range []struct {
			answers int // of one second each, one after the other
			want    string
		}{{1, "b"}, {3599, "b"}, {3600, "a"}} { // 10, then 10/e + 1·(1-1/e) = 4.3, then 2.2
			work(t, p, snapshot(instance("a")), c.answers, last(map[string]time.Duration{"a": time.Second}))
			picked, err := p.Pick(snapshot(instance("a"), instance("b")))
			require.NoError(t, err)
			require.Equal(t, c.want, picked.Instance.ID, "after %d more answers", c.answers)
			picked.Done(context.Canceled)
		}
	})
}

// slowed returns a picker for which a was much slower than b, long ago, and has been forgiven.
func slowed(t *testing.T, s *registry.Snapshot) *pick.P2C {
	p := p2c(t, nil)
	work(t, p, s, 100, last(map[string]time.Duration{"a": time.Second, "b": 10 * time.Millisecond}))
	return p
}

func TestP2CTriesTheForgivenOneByOne(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := snapshot(instance("a"), instance("b"))
		p := slowed(t, s)
		got, _ := begin(t, p, s, 5)
		require.Equal(t, map[string]int{"b": 5}, got)
		time.Sleep(2 * time.Minute) // b has work in flight, and so it keeps its average
		got, _ = begin(t, p, s, 20)
		require.Equal(t, map[string]int{"a": 1, "b": 19}, got)
	})
}

func TestP2CDoesNotForgiveOneThatHangs(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		steady := map[string]time.Duration{"a": 10 * time.Millisecond, "b": 12 * time.Millisecond}
		s := snapshot(instance("a"), instance("b"))
		p := p2c(t, nil)
		work(t, p, s, 100, last(steady))
		hung, _ := begin(t, p, s, 6)
		require.Greater(t, hung["a"], 2, "of %v", hung)
		time.Sleep(time.Hour)
		p2, picks := begin(t, p, s, 20)
		require.InDelta(t, 11, p2["a"], 3, "as many more as if no time had passed; of %v", p2)
		for _, picked := range picks {
			if picked.Instance.ID == "b" {
				picked.Done(nil) // an hour late or not: b answers
			}
		}
	})
}

func TestP2CTriesANewcomerAtOnceWithOnePieceOfWork(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		a, b := instance("a"), instance("b")
		p := p2c(t, nil)
		work(t, p, snapshot(a, b), 100, last(map[string]time.Duration{"a": time.Millisecond, "b": time.Millisecond}))
		s := snapshot(a, b, instance("new"))
		got, picks := begin(t, p, s, 200)
		require.Equal(t, 1, got["new"], "until it has answered")
		for _, picked := range picks {
			picked.Done(nil)
		}
		got, _ = begin(t, p, s, 200)
		require.Greater(t, got["new"], 10, "once it has")
	})
}

func TestP2CStatisticsOutlastSnapshots(t *testing.T) {
	fast, slow := instance("a"), instance("b")
	latency := last(map[string]time.Duration{"a": time.Millisecond, "b": 10 * time.Second})
	for _, c := range []struct {
		away time.Duration
		want map[string]int // of two picks at once, after
	}{
		{0, map[string]int{"a": 2}},
		{59 * time.Second, map[string]int{"a": 2}},
		{61 * time.Second, map[string]int{"a": 1, "b": 1}}, // b is as good as new
	} {
		t.Run(c.away.String(), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := p2c(t, func(o *pick.P2COptions) { o.Decay = time.Hour })
				work(t, p, snapshot(fast, slow), 50, latency)
				time.Sleep(5 * time.Minute) // no new snapshot for long, and b is there
				for range 10 {              // several while it is away
					work(t, p, snapshot(fast), 1, latency)
					time.Sleep(c.away / 10)
				}
				work(t, p, snapshot(fast), 1, latency)
				got, _ := begin(t, p, snapshot(fast, slow), 2)
				require.Equal(t, c.want, got)
			})
		})
	}
}

func TestP2CCountsWorkInFlightOverSnapshots(t *testing.T) {
	instances := many(2)
	p := p2c(t, inFlightOnly)
	got := make(map[string]int)
	for range 100 {
		picks, _ := begin(t, p, snapshot(instances...), 1)
		for id := range picks {
			got[id]++
		}
	}
	require.Equal(t, map[string]int{"i0000": 50, "i0001": 50}, got)
}
