package linear

import (
	"cmp"
	"math"
	"slices"

	"github.com/coordkit/coord/kv"
)

// keys is how many there are: few, so that clients meet.
const keys = 4

// state is the store as the contract has it. It is comparable, and never changed in place.
type state struct {
	records [keys]record
	floor   kv.Version // the least that the last version given can be
	writes  int        // so far; orders the records
	dead    uint64     // the leases released, by number
	ended   bool       // nothing is observed any more

	// Of lazy operations; see settled.
	due     uint8     // the keys that one of them changed and that nothing has touched since
	deletes [keys]int // how many deletions of each key took effect
}

// record is what lies at a key; its zero value is nothing.
type record struct {
	value       int // names the write that it stems from
	lease       int
	born, wrote int // the number of the write that created it, and of the last one

	// The bounds of its version. They are the same once it is known; a write whose answer was lost tells none, and the
	// first who sees its record does. A ghost's, which nobody ever does, are such that it has none.
	least, most kv.Version
}

// none is the upper bound of the version of a ghost.
const none = -1

func (s state) has(key int) bool { return s.records[key].value != 0 }

func (s state) isDead(lease int) bool { return lease != 0 && s.dead&(1<<lease) != 0 }

// write puts a value at key, with the version v or, if v is zero, one that nobody has told. It reports false if v is not
// greater than all before.
func (s state) write(key, value, lease int, v kv.Version) (state, bool) {
	if v != 0 && v <= s.floor {
		return s, false
	}
	s.writes++
	r := &s.records[key]
	if r.value == 0 {
		r.born, r.lease = s.writes, lease
	}
	r.value, r.wrote = value, s.writes
	r.least, r.most = v, v
	if v == 0 {
		r.least, r.most = s.floor+1, math.MaxInt64
	}
	return s.ordered()
}

// learn says that the record at key has the version v, and reports whether it can.
func (s state) learn(key int, v kv.Version) (state, bool) {
	r := &s.records[key]
	switch {
	case r.value == 0 || v < r.least || v > r.most:
		return s, false
	case r.least == r.most:
		return s, true
	}
	r.least, r.most = v, v
	return s.ordered()
}

// ordered narrows the bounds of versions to what the order of writing leaves, and reports whether it leaves any.
func (s state) ordered() (state, bool) {
	var order []*record
	for i := range s.records {
		if s.has(i) && s.records[i].most != none {
			order = append(order, &s.records[i])
		}
	}
	slices.SortFunc(order, func(a, b *record) int { return cmp.Compare(a.wrote, b.wrote) })
	for i, r := range order {
		if i > 0 {
			r.least = max(r.least, order[i-1].least+1)
		}
		s.floor = max(s.floor, r.least)
	}
	for i := len(order) - 1; i >= 0; i-- {
		if i < len(order)-1 {
			order[i].most = min(order[i].most, order[i+1].most-1)
		}
		if order[i].least > order[i].most {
			return s, false
		}
	}
	return s, true
}

// remove removes what lies at key.
func (s state) remove(key int) (state, bool) {
	found := s.has(key)
	s.records[key] = record{}
	return s, found
}

// release ends a lease with all that is bound to it.
func (s state) release(lease int) state {
	for i := range s.records {
		if s.records[i].lease == lease {
			s.records[i] = record{}
		}
	}
	s.dead |= 1 << lease
	return s
}

// newest is the key of the record created last of all but the one at a key, and how many they are. When ghosts were created nobody knows, so
// they only count.
func (s state) newest(but int) (key, n int) {
	key = nobody
	for i, r := range s.records {
		if r.value == 0 || i == but {
			continue
		}
		if n++; r.most == none {
			continue
		}
		if key < 0 || r.born > s.records[key].born {
			key = i
		}
	}
	return key, n
}
