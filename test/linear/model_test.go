package linear

import (
	"hash/maphash"

	"github.com/anishathalye/porcupine"

	"github.com/coordkit/coord/kv"
)

// op is one of the contract's operations.
type op int

const (
	opCreate op = iota
	opGet
	opRange // always of all keys
	opCas
	opDelete
	opAppend // counts all keys
	opPlace  // looks at all keys, before any version
	opRelease
	opEnd // none of the store's: nothing is observed after it
)

// call is what a client asked for. Keys and leases are numbers; lease 0 is none. The value of each write is its own.
type call struct {
	op      op
	key     int
	value   int
	version kv.Version // that a compare-and-swap compares
	lease   int

	lazy bool // set by settled: see there
	nth  int  // of the lazy deletions of the key, in the order of their calls
}

// told is what a client was told of an operation's outcome.
type told int

const (
	done told = iota
	alreadyExists
	notFound
	wrongVersion
	wrongLease
	unknown // kv.ErrUncertain
)

// answer is what a client was told.
type answer struct {
	told    told
	version kv.Version // of a write that was done, or what a refused one found
	records [keys]seen // by Get, GetRange and ReadPlace
	prev    neighbour  // by Append and ReadPlace
}

// seen is a record as a client was shown it; the zero value is none.
type seen struct {
	value   int
	version kv.Version
	lease   int
}

// neighbour is what an Append tells of the records before its own, and a ReadPlace of the others.
type neighbour struct {
	key   int // -1: none
	rec   seen
	ahead int // by Append
}

// model is the contract for the checker.
//
// An operation of unknown outcome returns at the end of time. Before opEnd it has a place only where it changes something;
// otherwise its place is after opEnd, where nothing can tell whether it did. Nothing is lost by that: one that came to nothing,
// whenever it did, leaves all answers as they are if it is moved there.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) {
		next, ok := s.(state).step(in.(call), out.(answer))
		return ok, next
	},
	Hash:              func(s any) uint64 { return maphash.Comparable(hashSeed, s.(state)) },
	DescribeOperation: func(in, out any) string { return describe(in.(call), out.(answer)) },
	DescribeState:     func(s any) string { return s.(state).String() },
}

var hashSeed = maphash.MakeSeed()

// step returns the state after a call that was given an answer, and whether it could be given.
func (s state) step(c call, a answer) (state, bool) {
	switch {
	case c.op == opEnd:
		return state{ended: true}, s.due == 0
	case a.told == unknown && s.ended:
		return s, true
	case c.lazy:
		return s.lazily(c)
	case a.told == unknown && c.op == opRelease:
		return s.release(c.lease), !s.isDead(c.lease)
	case s.due&^c.touches(a) != 0:
		return s, false
	}
	s.due = 0
	if a.told == unknown {
		return s.effect(c, a.version)
	}
	return s.certainly(c, a)
}

// certainly is step for a call whose outcome is known.
func (s state) certainly(c call, a answer) (state, bool) {
	switch c.op {
	case opCreate:
		return s.create(c, a)
	case opAppend:
		return s.appendTo(c, a)
	case opCas:
		return s.cas(c, a)
	case opGet:
		return s.shows(c.key, a.records[c.key])
	case opPlace:
		return s.place(c, a)
	case opRange:
		return s.showsAll(a.records)
	case opDelete:
		if a.told == notFound {
			return s, !s.has(c.key)
		}
		return s.remove(c.key)
	case opRelease:
		return s.release(c.lease), true
	}
	return s, false
}

// effect does what a call on a key does that changes something, whatever its caller was told, and reports false if it changes
// nothing. The version of a write is v, or zero if it is not known yet.
func (s state) effect(c call, v kv.Version) (state, bool) {
	switch c.op {
	case opCreate, opAppend:
		return s.create(c, answer{version: v})
	case opCas:
		return s.cas(c, answer{version: v})
	case opDelete:
		return s.remove(c.key)
	}
	return s, false
}

func (s state) create(c call, a answer) (state, bool) {
	switch {
	case a.told == alreadyExists:
		return s.learn(c.key, a.version)
	case s.has(c.key):
		return s, false
	case a.told == wrongLease:
		return s, s.isDead(c.lease)
	case a.told != done || s.isDead(c.lease):
		return s, false
	}
	return s.write(c.key, c.value, c.lease, a.version)
}

func (s state) appendTo(c call, a answer) (state, bool) {
	if a.told != done {
		return s.create(c, a)
	}
	if _, n := s.newest(nobody); n != a.prev.ahead {
		return s, false
	}
	s, ok := s.follows(nobody, a.prev)
	if !ok {
		return s, false
	}
	return s.create(c, a)
}

func (s state) place(c call, a answer) (state, bool) {
	s, ok := s.shows(c.key, a.records[c.key])
	if !ok || a.told == notFound {
		return s, ok
	}
	return s.follows(c.key, a.prev)
}

// nobody is the key of no record.
const nobody = -1

// follows reports whether the record created last of all but the one at key can be this neighbour, and what is known then.
func (s state) follows(key int, prev neighbour) (state, bool) {
	newest, _ := s.newest(key)
	switch {
	case newest != prev.key:
		return s, false
	case newest == nobody:
		return s, true
	}
	return s.shows(newest, prev.rec)
}

func (s state) cas(c call, a answer) (state, bool) {
	switch a.told {
	case notFound:
		return s, !s.has(c.key)
	case wrongVersion:
		if a.version == c.version {
			return s, false
		}
		return s.learn(c.key, a.version)
	case done:
		if s, ok := s.learn(c.key, c.version); ok {
			return s.write(c.key, c.value, 0, a.version)
		}
	}
	return s, false
}

// shows reports whether a reader can have seen this at key, and what is known then.
func (s state) shows(key int, rec seen) (state, bool) {
	r := s.records[key]
	switch {
	case r.value != rec.value || r.lease != rec.lease:
		return s, false
	case r.value == 0:
		return s, true
	}
	return s.learn(key, rec.version)
}

func (s state) showsAll(recs [keys]seen) (state, bool) {
	for key, rec := range recs {
		var ok bool
		if s, ok = s.shows(key, rec); !ok {
			return s, false
		}
	}
	return s, true
}
