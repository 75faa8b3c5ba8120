package line

import (
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
)

// reuseWithin is the longest life after which a name may be used again. Strike deletes an entry only after it has seen it
// at one version for strikeAfter, twice as long, so it cannot hit a later life of the name.
const reuseWithin = time.Second

// ids are the names that one lease uses, in all lines. A name is in one attempt's hands at a time, and comes back only after a
// clean life: created and deleted, each acknowledged at the first try, within reuseWithin. After anything uncertain an old
// write could still land on a new life, so such a name is retired.
type ids struct {
	// doubt says that a create under a retired name may still land, though nobody looks after it any more: strays have to be looked for.
	doubt atomic.Bool

	mu    sync.Mutex
	free  []string            // last in, first out: few names serve a sequence of any length
	known map[string]struct{} // the free names and those in use; not the retired ones
}

func newIDs() *ids { return &ids{known: make(map[string]struct{})} }

// take returns a name that no other attempt has.
func (p *ids) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		id := p.free[n-1]
		p.free = p.free[:n-1]
		return id
	}
	id := rand.Text()
	p.known[id] = struct{}{}
	return id
}

// giveBack makes a name free again after a clean life.
func (p *ids) giveBack(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, id)
}

// retire forgets a name for ever.
func (p *ids) retire(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, id)
}

// stray says whether an entry under this lease belongs to nobody: its name was retired, so that no attempt has it, or will.
// (An entry whose name is known may have been read just before its clean end: it is no stray.)
func (p *ids) stray(key kv.Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.known[string(key[strings.LastIndexByte(string(key), '/')+1:])]
	return !known
}

// elapsed is the time since start by the monotonic or the wall clock, whichever says more: the one stands still while the
// machine sleeps, the other may be set.
func elapsed(start time.Time) time.Duration {
	return max(time.Since(start), time.Now().Round(0).Sub(start.Round(0)))
}
