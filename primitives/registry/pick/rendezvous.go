package pick

import (
	"math"

	"github.com/coordkit/coord/primitives/registry"
)

// Rendezvous picks by a key: the same key has the same instance, for everybody who sees the same set, today and in a later
// version, and in proportion to their weights over many keys. A change of the set moves as few keys as can be: those of an
// instance that leaves, each to where it would have been without it; those that a newcomer takes over; and if a weight is
// changed, to or from that instance alone.
//
// It is rendezvous hashing (Thaler and Ravishankar, 1998): each instance has a score for the key, a hash of the key and its ID,
// and the highest is picked. The score is -w/ln(u), where w is the weight and u the hash as a number between 0 and 1. A pick
// takes time in proportion to the number of instances. The set is that of the instances that take work, so that a key comes
// back to one that was away.
//
// It is a hint and no ownership: two that see different sets pick different instances for one key. Nor does it know how much
// work a key brings: one key that is asked for all the time is all on one instance.
type Rendezvous struct {
	tables tables[hashes]
}

// hashes are what is known of the instances before the key is.
type hashes struct {
	ids     []uint64  // hashes of their IDs
	weights []float64 // nil if they are all the same
}

// NewRendezvous returns a picker by key. It does not use Options.Rand.
func NewRendezvous(opts *Options) *Rendezvous {
	return &Rendezvous{tables: tables[hashes]{opts: opts.withDefaults(), build: hashAll}}
}

// Pick chooses the instance of s for the key, which may be any string; see [Picker] for the rest.
func (p *Rendezvous) Pick(s *registry.Snapshot, key string) (Pick, error) {
	t := p.tables.table(s)
	if t.err != nil {
		return Pick{}, t.err
	}
	return Pick{Instance: t.instances[t.data.best(hash(key))]}, nil
}

// For returns a picker that always picks for the key.
func (p *Rendezvous) For(key string) Picker { return keyed{p: p, key: key} }

type keyed struct {
	p   *Rendezvous
	key string
}

// Pick chooses the instance of s for the key that the picker was made for.
func (k keyed) Pick(s *registry.Snapshot) (Pick, error) { return k.p.Pick(s, k.key) }

func hashAll(instances []*registry.Instance) hashes {
	h := hashes{ids: make([]uint64, len(instances)), weights: make([]float64, len(instances))}
	same := true
	for n, i := range instances {
		h.ids[n] = mix(hash(i.ID) + 1) // once more: a key that is the ID must not cancel it out
		h.weights[n] = float64(weight(i))
		same = same && h.weights[n] == h.weights[0]
	}
	if same {
		h.weights = nil
	}
	return h
}

// best returns the index of the highest score for a key with that hash. Among equal weights the score grows with the hash, so
// that there the hashes are compared.
func (h hashes) best(key uint64) int {
	best := 0
	if h.weights == nil {
		var most uint64
		for n, id := range h.ids {
			if x := mix(key^id) >> unused; x > most {
				best, most = n, x
			}
		}
		return best
	}
	most := math.Inf(-1)
	for n, id := range h.ids {
		u := (float64(mix(key^id)>>unused) + 0.5) / (1 << (64 - unused)) // never 0, nor 1
		if h.weights[n] <= most*(1-u) {
			continue // it cannot win, as -ln(u) > 1-u: most logarithms, which are the work here, need not be taken
		}
		if x := -h.weights[n] / math.Log(u); x > most {
			best, most = n, x
		}
	}
	return best
}

// unused are the bits of a hash that a float64 has no room for beside the half.
const unused = 12

// hash is FNV-1a, and stays so: clients of different versions must agree.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for n := range len(s) {
		h = (h ^ uint64(s[n])) * 1099511628211
	}
	return mix(h)
}

// mix spreads each bit over all: FNV-1a leaves those of the last bytes close together. It is the finalizer of SplitMix64, and
// stays so.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
