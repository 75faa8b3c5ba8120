package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// registrar keeps one instance registered after the other, under one ID.
type registrar struct {
	member
	id   string
	dice *rand.Rand
	now  *registry.Registration // the one at the end, if there is one
}

// work registers, changes and closes until bad ends.
func (g *registrar) work(bad context.Context) {
	r := g.c.r
	g.rest(bad, g.at(begins))
	for bad.Err() == nil {
		ctx, cancel := context.WithTimeout(bad, 1+g.upTo(8*time.Second))
		reg, err := g.c.reg.Register(ctx, registry.Instance{Service: service, ID: g.id, Weight: 1})
		if err != nil && ctx.Err() == nil {
			r.fail(wrongError, "Register: %v", err)
		}
		cancel()
		if err != nil {
			g.rest(bad, g.upTo(time.Second))
			continue
		}
		r.truth.stands(g.id, g.c, reg)
		g.change(bad, reg)
		if bad.Err() != nil && g.dice.IntN(3) > 0 {
			g.now = reg
			return
		}
		r.truth.mayGo(g.id)
		ctx, cancel = context.WithTimeout(context.Background(), g.upTo(4*time.Second))
		if err := reg.Close(ctx); err != nil && !errors.Is(err, kv.ErrUncertain) {
			r.fail(wrongError, "Close: %v", err)
		}
		cancel()
	}
}

// change changes the instance for a while.
func (g *registrar) change(bad context.Context, reg *registry.Registration) {
	states := []registry.Status{registry.Starting, registry.Serving, registry.NotServing, registry.Draining}
	for weight := 2; weight < 2+g.dice.IntN(12) && bad.Err() == nil; weight++ {
		g.rest(bad, g.upTo(2*time.Second))
		ctx, cancel := context.WithTimeout(bad, 1+g.upTo(5*time.Second))
		err := reg.Update(ctx, func(i *registry.Instance) { i.Weight, i.Status = weight, states[g.dice.IntN(len(states))] })
		if err != nil && ctx.Err() == nil {
			g.c.r.fail(wrongError, "Update: %v", err)
		}
		cancel()
	}
}

func (g *registrar) upTo(d time.Duration) time.Duration {
	return time.Duration(g.dice.Int64N(int64(d)))
}
