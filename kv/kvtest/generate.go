package kvtest

import (
	"bytes"
	"math"
	"strings"

	"github.com/coordkit/coord/kv"
)

// generator makes up the steps of a sequence. It looks at the model for what is interesting, so what it makes depends on the dice,
// and on nothing that a store answers.
type generator struct {
	dice
	m       *model
	base    kv.Key // what all keys begin with that the store may take
	keys    []kv.Key
	bad     []kv.Key
	recent  []kv.Key
	large   []byte // the values are parts of it; never written to
	fake    bool   // time may pass
	appends bool
	places  bool // it is a kv.PlaceReader
	stops   bool // leases have StopKeepAlive
}

func newGenerator(d dice, m *model, base kv.Key) *generator {
	g := &generator{dice: d, m: m, base: base, large: bytes.Repeat([]byte("0123456789abcdef"), kv.MaxValueLen/16+1)}
	for _, name := range []string{
		"a", "a/", "a0", "a\x00", "a/b", "a.", "", "b", "b/", "ä", "a\u0308", "\u007f", "\ufffd", "\U0010FFFF", "A", "c\n", "z/z",
	} {
		g.keys = append(g.keys, base+kv.Key(name))
	}
	longest := base + kv.Key(strings.Repeat("k", kv.MaxKeyLen-len(base)))
	g.keys = append(g.keys, longest, longest[:len(longest)-1])
	g.bad = []kv.Key{"", longest + "k", "\xff", base + "\xff", base + "\xc3", base + "\xed\xa0\x80", base + "a\xff"}
	g.recent = []kv.Key{g.keys[0], g.keys[1], g.keys[2]}
	return g
}

// stepKinds are weighted: each stands for the percentages up to its own.
var stepKinds = []struct {
	upTo int
	make func(g *generator) step
}{
	{18, func(g *generator) step { return &createStep{g.caller(), g.record()} }},
	{34, func(g *generator) step { return g.cas() }},
	{44, func(g *generator) step { return &deleteStep{g.caller(), g.key()} }},
	{52, func(g *generator) step { return &getStep{g.caller(), g.key()} }},
	{58, func(g *generator) step { return &rangeStep{g.caller(), g.end(), g.end()} }},
	{61, func(g *generator) step { return g.place() }},
	{66, func(g *generator) step { return g.append() }},
	{75, func(g *generator) step { return g.wait() }},
	{80, func(g *generator) step { return g.newLease() }},
	{83, func(g *generator) step { return g.release() }},
	{86, func(g *generator) step { return &getLeaseStep{g.intN(2), g.lease()} }},
	{89, func(g *generator) step { return g.onHandle(func(h handle) step { return &ttlStep{h} }) }},
	{90, func(g *generator) step { return g.stopKeepAlive() }},
	{95, func(g *generator) step { return g.pass() }},
	{100, func(g *generator) step { return &collectStep{} }},
}

func (g *generator) next() step {
	n := g.intN(100)
	for _, k := range stepKinds {
		if n < k.upTo {
			return k.make(g)
		}
	}
	panic("unreachable")
}

// one says yes once in n times.
func (g *generator) one(n int) bool { return g.intN(n) == n-1 }

func (g *generator) caller() caller {
	c := caller{on: g.intN(2)}
	if g.one(40) {
		c.ctx = over + ctxKind(g.intN(2))
	}
	return c
}

// record is for a Create, which ignores its version.
func (g *generator) record() kv.Record {
	return kv.Record{Key: g.key(), Value: g.value(), Lease: g.lease(), Version: 1}
}

// key is mostly one of the keys used a moment ago, so that something happens to it.
func (g *generator) key() kv.Key {
	switch n := g.intN(20); {
	case n < 10:
		return g.recent[g.intN(len(g.recent))]
	case n == 19:
		return g.bad[g.intN(len(g.bad))]
	}
	k := g.keys[g.intN(len(g.keys))]
	g.recent = append(g.recent[1:], k)
	return k
}

func (g *generator) value() kv.Value {
	size := 0
	switch n := g.intN(64); {
	case n < 4:
		return nil
	case n < 8:
	case n < 62:
		size = 1 + n%8
	case n == 62:
		size = 10_000
	case g.one(4):
		size = kv.MaxValueLen - 1 + g.intN(3)
	}
	first := g.intN(16)
	return g.large[first : first+min(size, len(g.large)-first)]
}

// version is one that the key may have, has had, or never had.
func (g *generator) version(key kv.Key) kv.Version {
	switch n := g.intN(16); {
	case n < 9:
		return g.m.records[key].Version // zero for an absent one
	case n < 14:
		return max(0, g.m.version-kv.Version(g.intN(20)))
	case n == 14:
		return []kv.Version{0, -1, 1, math.MinInt64, math.MaxInt64, 1 << 60}[g.intN(6)]
	}
	return g.m.version + 1 // what the next write may get
}

// lease is mostly none or a live one; a few are over or never were.
func (g *generator) lease() kv.LeaseId {
	switch n := g.intN(16); {
	case n >= 6 && n < 14 && len(g.m.live) > 0:
		return g.m.live[g.intN(len(g.m.live))].id
	case n == 14:
		return []kv.LeaseId{-1, 1 << 60, math.MinInt64, math.MaxInt64}[g.intN(4)]
	case n == 15 && len(g.m.leases) > 0:
		return kv.LeaseId(1 + g.intN(len(g.m.leases)))
	}
	return kv.NoLeaseId
}

// end is an end of a range: any string, in a key's neighbourhood mostly.
func (g *generator) end() kv.Key {
	switch n := g.intN(16); {
	case n < 8:
		return g.keys[g.intN(len(g.keys))]
	case n < 10:
		return g.base
	case n < 12:
		return g.base + "\xff"
	case n < 14:
		return g.keys[g.intN(len(g.keys))] + kv.Key([]byte{byte(g.intN(256))})
	case n == 14:
		return g.base + kv.Key([]byte{byte(g.intN(256)), byte(g.intN(256))})
	}
	return append(g.bad, g.bad[1]+g.bad[1], "\xff\xff", "\x00")[g.intN(len(g.bad)+3)]
}
