//go:build unix

package cli

import (
	"context"
	"sync"

	"github.com/coordkit/coord/primitives/registry"
)

// tell tells what befalls the registration, until stop is called.
func (p *presence) tell(ctx context.Context) (stop func()) {
	if p.app.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() {
		var was registry.State
		for now := range p.g.States(ctx) {
			if text := news(was, now); text != "" {
				p.app.say("coord: %s %s\n", p.what(), text)
			}
			was = now
		}
	})
	return func() { cancel(); telling.Wait() }
}

// news is what is worth saying of a change; at first that is what was not asked for.
func news(was, now registry.State) string {
	switch first := was.Status == ""; {
	case now.Phase == registry.Lost && was.Phase != registry.Lost:
		return because("is not registered any more, and comes back when it can", now.Err)
	case now.Phase == registry.Registered && was.Phase == registry.Lost:
		return "is registered again"
	case now.Phase != registry.Registered:
		return ""
	case now.Ordered && !was.Ordered:
		return "was drained by an operator"
	case was.Ordered && !now.Ordered:
		return "is " + string(now.Status) + " again"
	case !first && now.Status != was.Status && now.Status != registry.Draining:
		return because("is "+string(now.Status), now.Err)
	}
	return ""
}

func because(what string, err error) string {
	if err == nil {
		return what
	}
	return what + ": " + err.Error()
}
