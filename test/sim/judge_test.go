package sim

import (
	"slices"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
)

// hold is what all primitives give out.
type hold interface {
	Token() kv.Version
	Lease() kv.LeaseId
	Err() error
	ValidFor() time.Duration
}

// judge knows who was let in, and checks at each grant what a lock, a semaphore or an election promises. One who holds alone takes the
// whole limit.
type judge struct {
	r     *run
	name  string
	kind  kind // of what is wrong if too much is held
	limit int64

	mu      sync.Mutex
	inside  []*seat
	highest kv.Version // of all tokens that were let in
	alone   kv.Version // of those who held alone
	grants  int
}

// seat is one that was let in.
type seat struct {
	hold
	j      *judge
	weight int64 // guarded by judge.mu
}

// floor is what a token has to exceed if it is asked for now.
func (j *judge) floor() kv.Version {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.highest
}

// enter checks, at the moment of a grant, that with all that is valid by its holders' own clocks no more is held than there is, and
// that the token is greater than those before: of all if it is held alone, else of those who held alone, and than floor.
func (j *judge) enter(h hold, weight int64, floor kv.Version) *seat {
	j.mu.Lock()
	defer j.mu.Unlock()
	in := &seat{h, j, weight}
	if h.Err() != nil || j.r.isRevoked(h.Lease()) {
		return in
	}
	j.inside = append(slices.DeleteFunc(j.inside, (*seat).over), in)
	held := int64(0)
	for _, o := range j.inside {
		held += o.weight
	}
	if held > j.limit {
		o := j.inside[0]
		j.r.fail(j.kind, "%s: token %d makes %d of %d, beside token %d, valid for %v", j.name, h.Token(), held, j.limit, o.Token(), o.ValidFor())
	}
	floor = max(floor, j.alone)
	if weight == j.limit {
		floor = max(floor, j.highest)
	}
	if h.Token() <= floor {
		j.r.fail(oldToken, "%s: token %d after %d", j.name, h.Token(), floor)
	}
	j.highest = max(j.highest, h.Token())
	if weight == j.limit {
		j.alone = max(j.alone, h.Token())
	}
	j.grants++
	return in
}

// over reports whether the holder knows that others may hold. One whose lease was taken away by force cannot.
func (s *seat) over() bool { return s.ValidFor() <= 0 || s.j.r.isRevoked(s.Lease()) }

// share tells that from now on others may hold beside it.
func (s *seat) share() {
	s.j.mu.Lock()
	defer s.j.mu.Unlock()
	s.weight = 1
}
