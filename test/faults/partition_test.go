//go:build linux

package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/cluster"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// duel is a holder to which something will happen, and one that waits for what it holds.
type duel struct {
	name string
	v    *vault
	h    claim
	next chan claim // the next holder, once it has come in

	mu      sync.Mutex
	learned time.Time // when the first holder was told
	granted time.Time // when the second one was
	unaware bool      // the first one thought that it held at that moment
	late    bool      // nobody had told it, and it only knew when it looked
}

// newDuel lets one hold, who writes on and on as long as its claim is valid, and the other one wait.
func newDuel(t *testing.T, v *vault, match [2]string, number string, holder, waiter *session.Session) *duel {
	t.Helper()
	d := &duel{name: fmt.Sprintf("%s before %s, %s", match[0], match[1], number), v: v, next: make(chan claim, 1)}
	name := d.name
	var err error
	d.h, err = take(t.Context(), holder, match[0], name)
	require.NoError(t, err, name)
	d.write(t.Context(), "first", d.h)
	go func() {
		<-d.h.Done()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.learned = time.Now()
	}()
	ctx := t.Context()
	go func() {
		for ctx.Err() == nil { // a lease of its own may be lost, too
			if h, err := take(ctx, waiter, match[1], name); err == nil {
				d.grant(h)
				d.write(ctx, "second", h)
				d.next <- h
				return
			}
		}
	}()
	return d
}

// grant is the moment at which the first holder has to know.
func (d *duel) grant(claim) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.granted = time.Now()
	select {
	case <-d.h.Done():
	default:
		d.late = true
	}
	d.unaware = d.h.Err() == nil
}

// write is the work of a careful holder.
func (d *duel) write(ctx context.Context, who string, h claim) {
	e := Entry{Lock: d.name, Holder: who, Token: h.Token(), Shared: h.shared}
	c := d.v.enter(e)
	w := Write{Entry: e, Naive: c.Naive, Fenced: c.Fenced}
	go func() {
		for w.Checked = time.Now(); ctx.Err() == nil && h.holds(); w.Checked = time.Now() {
			w.Naive, w.Fenced = w.Naive+1, w.Fenced+1
			d.v.write(w)
			time.Sleep(time.Millisecond + rand.N(4*time.Millisecond))
		}
	}()
}

// early reports whether the first one had lost before a fault, because the machine was too busy to renew so short a lease in time: then the
// fault shows nothing here.
func (d *duel) early(fault time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := func(at time.Time) bool { return !at.IsZero() && at.Before(fault) }
	return before(d.learned) || before(d.granted)
}

// end waits for the takeover, checks it, and gives what is held back.
func (d *duel) end(t *testing.T) (learned, granted time.Time) {
	t.Helper()
	select {
	case h := <-d.next:
		require.Greater(t, h.Token(), d.h.Token(), d.name)
		require.NoError(t, h.giveBack(t.Context()), d.name)
	case <-time.After(soon):
		require.FailNow(t, "nobody took over", d.name)
	}
	_ = d.h.giveBack(t.Context()) // lost, or unreachable
	require.ErrorIs(t, d.h.Err(), session.ErrLost, d.name)
	d.mu.Lock()
	defer d.mu.Unlock()
	require.False(t, d.unaware, "%s: the holder did not know when the next one held", d.name)
	if d.late {
		t.Logf("%s: the holder's timer was late, it knew only by its clock", d.name)
		return d.granted, d.granted
	}
	return d.learned, d.granted
}

func newSession(t *testing.T, st kv.Storage, ttl time.Duration) *session.Session {
	s := session.New(st, &session.Options{TTL: ttl})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Close(ctx)
	})
	return s
}

// cut is a way to cut a client off.
type cut struct {
	name  string
	cut   func(l *etcdtest.Link, on bool)
	bites func(w cluster.Way) bool
}

var cuts = []cut{
	{"both ways", (*etcdtest.Link).Blackhole, func(w cluster.Way) bool { return w.Stopped(etcdtest.Requests) > 0 }},
	{"answers only", func(l *etcdtest.Link, on bool) { l.Lose(etcdtest.Replies, on) },
		func(w cluster.Way) bool { return w.Stopped(etcdtest.Replies) > 0 }},
	{"reset", (*etcdtest.Link).Refuse, func(w cluster.Way) bool {
		n := 0
		w.Each(func(l *etcdtest.Link) { n += l.Refused() })
		return n > 0
	}},
	{"requests only", func(l *etcdtest.Link, on bool) { l.Hold(etcdtest.Requests, on) },
		func(w cluster.Way) bool { return w.Stopped(etcdtest.Requests) > 0 }},
}

// S6, S7, S10: holders and leaders that are cut off from the store, in each way, know before the next one holds, and write nothing stale.
func TestPartitionedHolderKnowsBeforeTheNextOneHolds(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, 1)
	v := newVault()
	waiter := newSession(t, c.Storage(t), 30*time.Second)
	ways := cuts
	if brief() {
		ways = cuts[:2]
	}
	type victim struct {
		*duel
		cut   cut
		ttl   time.Duration
		way   cluster.Way
		which string // what its times are of
	}
	lead, takeover := map[string][]time.Duration{}, map[string][]time.Duration{}
	for round := 0; round < rounds() || len(lead) == 0 && round < rounds()+5; round++ {
		var victims []victim
		for _, cut := range ways {
			for _, ttl := range ttls() {
				for _, match := range matches {
					way := c.Way(t)
					d := newDuel(t, v, match, fmt.Sprint(cut.name, " ", ttl, " ", round), newSession(t, way.Storage(t), ttl), waiter)
					victims = append(victims, victim{d, cut, ttl, way, fmt.Sprintf("%s, TTL %v", cut.name, ttl)})
				}
			}
		}
		time.Sleep(rand.N(ttl / 3)) // wherever in the time between two renewals
		start := time.Now()
		for _, d := range victims {
			d.way.Each(func(l *etcdtest.Link) { d.cut.cut(l, true) })
		}
		for _, d := range victims {
			learned, granted := d.end(t)
			if d.early(start) {
				continue
			}
			require.True(t, d.cut.bites(d.way), "%s does not bite", d.cut.name)
			lead[d.which] = append(lead[d.which], granted.Sub(learned))
			takeover[d.which] = append(takeover[d.which], granted.Sub(start))
			// Where only the answers are lost, the store hears of the holder still, and keeps its lease for up to twice the TTL.
			inTime(t, granted.Sub(start), 2*d.ttl+5*time.Second, "takeover, %s", d.which)
		}
		for _, d := range victims {
			d.way.Each(func(l *etcdtest.Link) { d.cut.cut(l, false); l.Cut() })
		}
	}
	for _, which := range slices.Sorted(maps.Keys(lead)) {
		t.Logf("%s: the holder knew %v (least) before the next one held, which was after %v (most)",
			which, slices.Min(lead[which]), slices.Max(takeover[which]))
	}
	require.NotEmpty(t, lead, "nobody held when the ways were cut")
	all := v.sum(func(string) bool { return true })
	all.check(t, "careful holders cut off")
	require.Zero(t, all.stale, "stale writes in partitions")
}
