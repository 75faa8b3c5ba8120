package kvtest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
)

// Differential plays a random sequence of operations on two handles of one store and compares each answer with that of a model,
// which is the contract in its plainest form: values, order, errors, which versions are equal or greater, and the first change
// that a wait returns. The seed is the sequence: where the store and the model differ, the test fails with the seed, the step and
// the operations before it, and plays the same again for the same seed and as many operations.
//
// In fake time leases run out in the course of the sequence, and do so at the very nanosecond; a lease that is kept alive must be
// renewed without a pause then, and its TTL be told exactly but for [Backend.Margin]. On a real server leases end by release, and
// a few run out at the end of the sequence.
func Differential(t *testing.T, b Backend, seed uint64, ops int) {
	t.Helper()
	play(t, b, newSeeded(seed, ops), fmt.Sprintf("seed %d", seed))
}

// DifferentialProgram is Differential for a sequence that is written in bytes, as fuzzing makes them up: every program is one.
func DifferentialProgram(t *testing.T, b Backend, program []byte) {
	t.Helper()
	play(t, b, &written{program}, fmt.Sprintf("a program of %d bytes", len(program)))
}

func play(t *testing.T, b Backend, dice dice, name string) {
	t.Helper()
	if b.MinTTL == 0 {
		b.MinTTL = time.Second
	}
	body := func(t *testing.T) {
		t.Helper()
		newDiffer(t, b, dice, name).play()
	}
	if b.FakeTime {
		bubble.Test(t, body)
		return
	}
	body(t)
}

// differ plays a sequence on a store and on the model.
type differ struct {
	*fixture
	m     *model
	gen   *generator
	name  string // of the sequence
	steps int
	trail []played // the last steps

	versions names[kv.Version]
	leases   names[kv.LeaseId]
	own      map[kv.LeaseId]kv.Lease // the handles that NewLease returned, by the model's number
	seen     map[kv.LeaseId]kv.Lease // the last snapshots

	armed                map[*modelWait]armed
	collected, lateWaits int
}

// played is a step and what the store answered.
type played struct {
	step
	got answer
}

// trailLen is how many steps a divergence tells.
const trailLen = 25

func newDiffer(t *testing.T, b Backend, dice dice, name string) *differ {
	d := &differ{
		fixture: newFixture(t, b), m: newModel(), name: name,
		own: map[kv.LeaseId]kv.Lease{}, seen: map[kv.LeaseId]kv.Lease{}, armed: map[*modelWait]armed{},
	}
	ctx, cancel := context.WithCancel(context.Background()) // the fixture's would end in the course of fake time
	t.Cleanup(cancel)
	d.ctx = ctx
	d.m.minTTL = b.MinTTL
	d.base = kv.Key(fmt.Sprintf("%s/%s/", t.Name(), name))
	d.gen = newGenerator(dice, d.m, d.base)
	d.gen.fake = b.FakeTime
	_, d.gen.appends = kv.As[kv.Appender](d.st)
	_, d.gen.places = kv.As[kv.PlaceReader](d.st)
	probe, err := d.st.Lessor().NewLease(d.ctx, time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	_, d.gen.stops = probe.(interface{ StopKeepAlive() })
	if err := probe.Release(); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *differ) play() {
	const often = 64
	for d.gen.more() {
		d.step(d.gen.next())
		if d.steps%often == 0 {
			d.compareAll()
		}
	}
	if !d.b.FakeTime {
		d.runOut()
	}
	d.compareAll()
	d.tidy()
	d.Logf("%s: %d steps, %d waits answered, %d of them begun late", d.name, d.steps, d.collected, d.lateWaits)
	if d.lateWaits > 2+d.collected/10 {
		d.diverged(fmt.Sprintf("%d of %d waits missed the first change: too many to have begun late", d.lateWaits, d.collected))
	}
}

// step plays one step and compares the answers.
func (d *differ) step(s step) {
	d.Helper()
	want := s.expect(d.m)
	got := s.perform(d)
	d.steps++
	if len(d.trail) == trailLen {
		d.trail = d.trail[1:]
	}
	d.trail = append(d.trail, played{s, got})
	if diff := got.differs(want); diff != "" {
		d.diverged(diff)
	}
}

// compareAll compares the waits and the whole state, as both handles see it.
func (d *differ) compareAll() {
	d.Helper()
	start, end := kv.PrefixRange(d.base)
	d.step(&collectStep{})
	for on := range 2 {
		d.step(&rangeStep{caller{on: on}, start, end})
	}
}

// runOut lets two leases run out on a server, one after it was kept alive, with what was bound to them. The time is such
// that a slow machine binds it before.
func (d *differ) runOut() {
	d.Helper()
	ttl := d.b.MinTTL + 2*time.Second
	var ended []kv.LeaseId
	for on, keepAlive := range []bool{false, true} {
		if keepAlive && !d.gen.stops {
			continue
		}
		d.step(&newLeaseStep{caller{on: on}, ttl, keepAlive})
		l := d.m.leases[len(d.m.leases)-1]
		ended = append(ended, l.id)
		for i := range 2 {
			key := d.key(fmt.Sprintf("last/%d/%d", on, i))
			d.step(&createStep{caller{on: i}, kv.Record{Key: key, Lease: l.id}})
			d.step(&waitStep{caller: caller{on: 1 - i}, key: key, version: d.m.version})
		}
		if keepAlive {
			d.step(&stopKeepAliveStep{handle{lease: l.id}})
		}
	}
	for _, id := range ended {
		d.m.end(id, ranOut)
	}
	d.step(&collectStep{}) // waits for the end
	for _, id := range ended {
		d.step(&ttlStep{handle{lease: id}})
		d.step(&getLeaseStep{0, id})
		d.step(&createStep{caller{}, kv.Record{Key: d.key("last"), Lease: id}})
		d.step(&releaseStep{handle{lease: id}})
	}
}

// tidy gives up what waits still stand and removes all that is left, so that the same can be played on the store again.
func (d *differ) tidy() {
	d.Helper()
	for len(d.m.waits) > 0 {
		d.step(&giveUpStep{d.m.waits[0]})
	}
	for len(d.m.live) > 0 {
		d.step(&releaseStep{handle{lease: d.m.live[0].id}})
	}
	start, end := kv.PrefixRange(d.base)
	for _, r := range d.m.getRange(start, end) {
		d.step(&deleteStep{key: r.Key})
	}
}

// diverged fails the test.
func (d *differ) diverged(diff string) {
	d.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s, step %d: the store differs from the contract's model (~ is what keys begin with)\n", d.name, d.steps)
	fmt.Fprintf(&b, " %s\n", diff)
	for i, p := range d.trail {
		fmt.Fprintf(&b, " %5d %v = %v\n", d.steps-len(d.trail)+i+1, p.step, p.got)
	}
	base := strconv.Quote(string(d.base))
	d.Fatal(strings.ReplaceAll(b.String(), base[1:len(base)-1], "~"))
}
