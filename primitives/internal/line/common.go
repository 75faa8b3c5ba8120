package line

import (
	"context"
	"sync"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/bridge"
)

// common is what the attempts under one lease have in common: their names, and the views of the lines they wait in.
type common struct {
	st  kv.Storage
	t   bridge.Tenure
	ids *ids

	mu    sync.Mutex
	views map[kv.Key]*view // by what they look at; never one that is closed
}

func commonOf(st kv.Storage, t bridge.Tenure) *common {
	return t.Value(func() any {
		return &common{st: st, t: t, ids: newIDs(), views: make(map[kv.Key]*view)}
	}).(*common)
}

// sweep removes an entry that is under this lease and belongs to no attempt of it: a create that landed after it had been given
// up. Nobody else would remove it, for its lease lives.
func (c *common) sweep(e Entry) {
	if e.Lease == c.t.LeaseID() && c.ids.stray(e.Key) {
		c.t.Go(func(ctx context.Context) { _ = deleteUntilGone(ctx, c.st, e.Key) })
	}
}

// join makes the attempt a member of the view of its line, which is opened if the line is short. It returns nil if the
// attempt has to go on by itself.
func (c *common) join(a *attempt, short bool) *view {
	rw, ok := kv.As[kv.RangeWatcher](c.st)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.views[a.cfg.Around]
	if v == nil {
		if !short {
			return nil
		}
		v = newView(c, a.cfg)
		c.views[a.cfg.Around] = v
		c.t.Go(func(ctx context.Context) { v.run(ctx, rw) })
	}
	v.add(a)
	return v
}

// drop forgets a view, so that no attempt joins it any more.
func (c *common) drop(v *view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.views[v.around] == v {
		delete(c.views, v.around)
	}
}
