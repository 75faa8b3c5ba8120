package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

const (
	service   = "s"
	instances = "coord/registry/" + service + "/i/"
)

// life is a record of an instance from its creation to its end.
type life struct {
	present registered
	lease   kv.LeaseId
	over    bool // deleted, or said farewell
}

// registered is what the simulation reads of a record.
type registered struct {
	Status string `json:"status"`
	Weight int    `json:"weight"`
}

// standing is a registration that stands: its record may not go, unless its lease does, which somebody takes away or which runs out while
// the client is out of reach.
type standing struct {
	c   *client
	reg *registry.Registration
}

// truth knows what the store has of the service, and checks what views show against it.
type truth struct {
	r *run

	mu      sync.Mutex
	lives   map[string]*life     // by ID; those that are there
	of      map[kv.Version]*life // by each version of its record
	members map[string]standing
	shown   int // snapshots that were checked
}

func newTruth(r *run) *truth {
	return &truth{r: r, lives: make(map[string]*life), of: make(map[kv.Version]*life), members: make(map[string]standing)}
}

// stands tells that an instance is registered, until it is told that it may go.
func (t *truth) stands(id string, c *client, reg *registry.Registration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members[id] = standing{c, reg}
}

func (t *truth) mayGo(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.members, id)
}

// follow follows the store itself, over no way, until ctx ends.
func (t *truth) follow(ctx context.Context) {
	start, end := kv.PrefixRange(instances)
	for ev, err := range t.r.store.WatchRange(ctx, start, end) {
		if err != nil {
			return
		}
		t.apply(ev)
	}
}

func (t *truth) apply(ev kv.RangeEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range ev.Deletes {
		t.gone(strings.TrimPrefix(string(key), instances))
	}
	for _, rec := range ev.Puts {
		id := strings.TrimPrefix(string(rec.Key), instances)
		l := t.lives[id]
		if l == nil {
			l = &life{lease: rec.Lease}
			t.lives[id] = l
		}
		t.of[rec.Version] = l
		if err := json.Unmarshal(rec.Value, &l.present); err != nil {
			t.r.fail(viewWrong, "record of %s: %v", id, err)
		}
		l.over = l.over || l.present.Status == "left"
	}
}

// gone checks that an instance whose record has gone had said farewell, or has lost its lease.
func (t *truth) gone(id string) {
	l := t.lives[id]
	delete(t.lives, id)
	if l == nil || l.over {
		return
	}
	l.over = true
	m, stands := t.members[id]
	if stands && m.reg.State().Phase == registry.Registered && !t.r.isRevoked(l.lease) && m.c.outOfReach() < ttl {
		t.r.fail(vanished, "%s went from the store, and its lease was not lost", id)
	}
}

// follow checks the snapshots of a view, until it is closed: what was shown goes only after it has gone from the store.
func (c *client) follow(v *registry.View) {
	t := c.r.truth
	prev := &registry.Snapshot{}
	for {
		s, err := v.Next(context.Background(), prev.Gen)
		if err != nil {
			if !errors.Is(err, kv.ErrClosed) {
				c.r.fail(viewWrong, "%s: Next: %v", c.name, err)
			}
			return
		}
		t.mu.Lock()
		for _, i := range s.Diff(prev).Removed {
			if l := t.of[i.Revision]; l == nil || !l.over {
				c.r.fail(vanished, "%s does not see %s any more, which is there", c.name, i.ID)
			}
		}
		for _, i := range s.Instances {
			if i.Status == "left" {
				c.r.fail(viewWrong, "%s sees %s after its farewell", c.name, i.ID)
			}
		}
		t.shown++
		t.mu.Unlock()
		prev = s
	}
}

// agrees returns in what a view differs from the store; empty for nothing.
func (t *truth) agrees(s *registry.Snapshot) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	there := 0
	for id, l := range t.lives {
		if l.over {
			continue
		}
		there++
		i := s.Instance(id)
		if i == nil {
			return id + " is not shown"
		}
		if i.Weight != l.present.Weight || string(i.Status) != l.present.Status {
			return fmt.Sprintf("%s is shown as %s of weight %d, and is %s of %d", id, i.Status, i.Weight, l.present.Status, l.present.Weight)
		}
	}
	if s.Health != registry.Live || len(s.Instances) != there {
		return fmt.Sprintf("%d instances are shown of %d, %v", len(s.Instances), there, s.Health)
	}
	return ""
}
