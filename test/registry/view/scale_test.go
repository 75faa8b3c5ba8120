package view

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
)

// crowd is registries on one store in fake time: of processes that register, and of those that watch, in both ways.
type crowd struct {
	store   *memory.Storage
	views   []*registry.View
	members []member
}

// member is a process with an instance.
type member struct {
	st  *memory.Storage
	r   *registry.Registry
	reg *registry.Registration
}

func newCrowd(t *testing.T, watchers int) *crowd {
	c := &crowd{store: memory.New(nil)}
	t.Cleanup(func() { require.NoError(t, c.store.Close()) })
	for n := range watchers {
		st := kv.Storage(c.store.Connect())
		if n%2 == 1 {
			st = kvtest.Hide(st)
		}
		v := openRegistry(t, st, nil).View(service)
		t.Cleanup(v.Close)
		c.views = append(c.views, v)
	}
	return c
}

// start registers an instance in a process of its own.
func (c *crowd) start(t *testing.T, i registry.Instance) member {
	st := c.store.Connect()
	r := registry.New(st, nil)
	i.Service = service
	reg, err := r.Register(context.Background(), i)
	if err != nil {
		t.Errorf("Register(%s): %v", i.ID, err)
	}
	return member{st, r, reg}
}

// startAll registers n instances at once.
func (c *crowd) startAll(t *testing.T, n int) (ids []string) {
	c.members = make([]member, n)
	var joining sync.WaitGroup
	for i := range n {
		id := fmt.Sprintf("i%04d", i)
		ids = append(ids, id)
		joining.Go(func() { c.members[i] = c.start(t, registry.Instance{ID: id}) })
	}
	joining.Wait()
	return ids
}

// kill ends a process without a farewell.
func (m member) kill(t *testing.T) { require.NoError(t, m.st.Close()) }

func (c *crowd) closeAll(t *testing.T) {
	for _, m := range c.members {
		if m.r != nil {
			require.NoError(t, m.r.Close(context.Background()))
		}
	}
}

func TestAThousandThatJoinAtOnceAreInEveryView(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		start := time.Now()
		ids := c.startAll(t, 1000)
		for _, v := range c.views {
			shows(t, v, ids...)
		}
		require.LessOrEqual(t, time.Since(start), time.Second)
		c.closeAll(t)
	})
}

func TestAJoinIsShownAsSoonAsRegisterReturns(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		after(time.Second)
		for i := range 3 {
			c.members = append(c.members, c.start(t, registry.Instance{ID: fmt.Sprint(i)}))
			synctest.Wait()
			for n, v := range c.views {
				require.Len(t, v.Snapshot().Instances, i+1, "view %d", n)
			}
			after(time.Second)
		}
		require.NoError(t, c.members[0].reg.Drain(t.Context(), 0))
		synctest.Wait()
		for _, v := range c.views {
			require.Equal(t, 2, v.Snapshot().Count(registry.ServingOnly))
		}
		c.closeAll(t)
	})
}

func TestAKilledProcessIsGoneHalfASecondAfterItsTTL(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		ids := c.startAll(t, 10)
		for _, v := range c.views {
			shows(t, v, ids...)
		}
		after(time.Minute + 1234*time.Millisecond)
		killed := time.Now()
		c.members[4].kill(t)
		for _, v := range c.views {
			shows(t, v, append(append([]string{}, ids[:4]...), ids[5:]...)...)
			require.LessOrEqual(t, time.Since(killed), registry.DefaultTTL+500*time.Millisecond)
		}
		c.members[4].r = nil
		c.closeAll(t)
	})
}

// TestARollingRestartNeverShowsAWrongSet replaces 200 instances, ten at a time, each by one that is started before it and drained
// after that. No view may ever show fewer that serve than there are, or one that has said farewell before the view could know.
func TestARollingRestartNeverShowsAWrongSet(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const n, step = 200, 10
		c := newCrowd(t, 20)
		ids := c.startAll(t, n)
		var watching sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		for _, v := range c.views {
			shows(t, v, ids...)
			watching.Go(func() {
				for gen := v.Snapshot().Gen; ; {
					s, err := v.Next(ctx, gen)
					if err != nil {
						return
					}
					gen = s.Gen
					if serving := s.Count(registry.ServingOnly); serving < n || serving > n+step {
						t.Errorf("%d serve, of %d", serving, n)
					}
					if s.Held > 0 || s.Health != registry.Live || len(s.Bad) > 0 {
						t.Errorf("held %d, %v, bad %d", s.Held, s.Health, len(s.Bad))
					}
				}
			})
		}
		for first := 0; first < n; first += step {
			var replacing sync.WaitGroup
			for i := first; i < first+step; i++ {
				replacing.Go(func() {
					old := c.members[i]
					c.members[i] = c.start(t, registry.Instance{ID: fmt.Sprintf("new%04d", i)})
					<-time.After(time.Second)
					if err := old.reg.Drain(ctx, 2*time.Second); err != nil {
						t.Errorf("Drain: %v", err)
					}
					if err := old.r.Close(ctx); err != nil {
						t.Errorf("Close: %v", err)
					}
					old.kill(t)
				})
			}
			replacing.Wait()
		}
		after(registry.DefaultTTL + time.Second)
		for _, v := range c.views {
			require.Len(t, v.Snapshot().Instances, n)
		}
		stop()
		watching.Wait()
		c.closeAll(t)
	})
}

func TestAnOutageLongerThanTheTTLLeavesEverybodyThere(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		ids := c.startAll(t, 50)
		for _, v := range c.views {
			shows(t, v, ids...)
		}
		for _, m := range c.members {
			m.st.SetConnected(false)
		}
		after(2 * registry.DefaultTTL)
		for _, v := range c.views {
			require.Equal(t, ids, idsOf(v.Snapshot()), "all have expired, and are held")
			require.Equal(t, 50, v.Snapshot().Held)
		}
		for _, m := range c.members {
			m.st.SetConnected(true)
		}
		after(registry.DefaultTTL/3 + 5*time.Second)
		for _, v := range c.views {
			require.Equal(t, ids, idsOf(v.Snapshot()))
			require.Zero(t, v.Snapshot().Held, "all are back")
		}
		c.closeAll(t)
	})
}

func TestJoinsCostFourCallsEachHoweverManyThereAre(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		st := count.New(store)
		r := registry.New(st, nil)
		calls := func() int { return st.Total() - st.Of("wait") }
		var joining sync.WaitGroup
		for i := range 1000 {
			joining.Go(func() {
				_, err := r.Register(t.Context(), registry.Instance{Service: service, ID: fmt.Sprint(i)})
				if err != nil {
					t.Error(err)
				}
			})
		}
		joining.Wait()
		synctest.Wait() // all wait for their records, so that no wait begins between the two counts
		require.Equal(t, 4000, calls())
		require.NoError(t, r.Close(t.Context()))
	})
}
