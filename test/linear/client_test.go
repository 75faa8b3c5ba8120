package linear

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/coordkit/coord/kv"
)

// client does one operation after the other on a handle of its own.
type client struct {
	w    *world
	id   int
	st   kv.Storage
	dice *rand.Rand

	known [keys]kv.Version // the version last seen of each key
	lease kv.Lease         // its own; nil between two
	held  int              // that lease's number

	ops        []porcupine.Operation
	failed     int // for certain
	unknown    int // of unknown outcome
	unexpected error
}

func newClient(w *world, id int, st kv.Storage, seed uint64) *client {
	return &client{w: w, id: id, st: st, dice: rand.New(rand.NewPCG(seed, uint64(id)))}
}

// newClients is a client on each handle.
func newClients(w *world, handles []kv.Storage, seed uint64) (all []*client) {
	for id, st := range handles {
		all = append(all, newClient(w, id, st, seed))
	}
	return all
}

// run does n operations, or ends with one whose answer the contract does not have.
func (c *client) run(n int) {
	for i := 0; i < n && c.unexpected == nil; i++ {
		c.do(c.choose())
	}
}

// runUntil is run until the end, with a short time between two operations. After a write of unknown outcome the client only reads until it
// gets an answer again: what the checker takes grows with the power of the unknown ones, and in an outage there would be nothing else.
func (c *client) runUntil(end <-chan struct{}, atMost time.Duration) {
	for inDoubt := false; c.unexpected == nil; {
		select {
		case <-end:
			return
		case <-time.After(time.Duration(c.dice.Int64N(int64(atMost)))):
		}
		ask := c.choose()
		if inDoubt && ask.op != opGet {
			ask.op = opRange
		}
		failed, unknown := c.failed, c.unknown
		c.do(ask)
		inDoubt = c.unknown > unknown || inDoubt && c.failed > failed
	}
}

// yield lets others come in between now and then, for where there is one processor nobody else would.
func (c *client) yield() {
	if c.dice.IntN(4) == 0 {
		runtime.Gosched()
	}
}

func (c *client) choose() call {
	ask := call{key: c.dice.IntN(keys)}
	switch d := c.dice.IntN(100); {
	case d < 16:
		ask.op = opCreate
	case d < 24:
		ask.op = opAppend
	case d < 38:
		ask.op = opGet
	case d < 44:
		ask.op = opPlace
	case d < 68:
		ask.op = opCas
	case d < 80:
		ask.op = opDelete
	case d < 95:
		ask.op = opRange
	default:
		ask.op = opRelease
	}
	return ask
}

// do makes the call and notes it with its answer, unless it failed for certain: then it is as if it had not been made.
func (c *client) do(ask call) {
	ctx, cancel := c.deadline()
	defer cancel()
	make := c.prepare(ctx, &ask)
	if make == nil {
		return
	}
	var got answer
	begin := time.Since(c.w.start)
	c.yield()
	err := make(&got)
	c.yield()
	end := int64(time.Since(c.w.start))

	var certain bool
	got.told, certain = judge(err)
	switch {
	case got.told == unknown:
		end, got = math.MaxInt64, answer{told: unknown}
		c.unknown++
	case certain:
		c.failed++
		return
	case got.told < 0:
		c.unexpected = fmt.Errorf("client %d, %s: %w", c.id, describe(ask, got), err)
		return
	}
	c.ops = append(c.ops, porcupine.Operation{ClientId: c.id, Input: ask, Output: got, Call: int64(begin), Return: end})
	c.remember(ask, got)
}

func (c *client) deadline() (context.Context, context.CancelFunc) {
	if c.w.patient == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), c.w.patient/10+rand.N(c.w.patient))
}

// judge turns an error into what the contract means by it. A failure is certain if it says that nothing was changed, and nothing of
// what is stored. The outcome is -1 then, and for an error that is none of the contract's.
func judge(err error) (outcome told, certain bool) {
	if errors.Is(err, kv.ErrUncertain) {
		return unknown, false
	}
	for _, e := range []struct {
		is   error
		told told
	}{
		{nil, done}, {kv.ErrAlreadyExists, alreadyExists}, {kv.ErrNotFound, notFound}, {kv.ErrWrongVersion, wrongVersion},
		{kv.ErrWrongLeaseId, wrongLease},
	} {
		if errors.Is(err, e.is) {
			return e.told, false
		}
	}
	for _, e := range []error{kv.ErrUnavailable, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, e) {
			return -1, true
		}
	}
	return -1, false
}

// remember keeps the versions that an answer told, for later swaps.
func (c *client) remember(ask call, got answer) {
	for key, r := range got.records {
		if r.version != 0 {
			c.known[key] = r.version
		}
	}
	if got.version != 0 {
		c.known[ask.key] = got.version
	}
}

// prepare completes what is asked for, and returns what makes the call.
func (c *client) prepare(ctx context.Context, ask *call) func(*answer) error {
	switch ask.op {
	case opCreate, opAppend, opCas:
		return c.prepareWrite(ctx, ask)
	case opRelease:
		return c.prepareRelease(ctx, ask)
	}
	key := c.w.key(ask.key)
	places, ok := kv.As[kv.PlaceReader](c.st)
	if ask.op == opPlace && !ok {
		ask.op = opGet
	}
	switch ask.op {
	case opPlace:
		return func(a *answer) error { return c.place(ctx, places, ask.key, a) }
	case opGet:
		return func(a *answer) error {
			r, err := c.st.Get(ctx, key)
			if err == nil {
				a.records[ask.key] = c.w.see(r)
			}
			return err
		}
	case opRange:
		return func(a *answer) error { return c.readAll(ctx, a) }
	default:
		return func(*answer) error { return c.st.Delete(ctx, key) }
	}
}

func (c *client) readAll(ctx context.Context, a *answer) error {
	start, end := kv.PrefixRange(c.w.prefix)
	recs, err := c.st.GetRange(ctx, start, end)
	for _, r := range recs {
		n := c.w.number(r.Key)
		if n < 0 || a.records[n] != (seen{}) {
			return fmt.Errorf("the range has a key %q that was not stored, or has it twice", r.Key)
		}
		a.records[n] = c.w.see(r)
	}
	return err
}

func (c *client) prepareWrite(ctx context.Context, ask *call) func(*answer) error {
	ask.value = int(c.w.values.Add(1))
	rec := kv.Record{Key: c.w.key(ask.key), Value: kv.Value(strconv.Itoa(ask.value))}
	if ask.op == opCas {
		ask.version = c.known[ask.key]
		rec.Version = ask.version
		return func(a *answer) (err error) { a.version, err = c.st.CasByVersion(ctx, rec); return err }
	}
	if c.dice.IntN(2) == 0 {
		ask.lease, rec.Lease = c.w.pick(c.dice)
	}
	if appender, ok := kv.As[kv.Appender](c.st); ok && ask.op == opAppend {
		return func(a *answer) error { return c.append(ctx, appender, rec, a) }
	}
	ask.op = opCreate
	return func(a *answer) (err error) { a.version, err = c.st.Create(ctx, rec); return err }
}

func (c *client) append(ctx context.Context, st kv.Appender, rec kv.Record, a *answer) error {
	start, end := kv.PrefixRange(c.w.prefix)
	v, prev, ahead, err := st.Append(ctx, rec, start, end)
	a.version, a.prev = v, c.w.neighbour(prev)
	a.prev.ahead = ahead
	return err
}

func (c *client) place(ctx context.Context, st kv.PlaceReader, key int, a *answer) error {
	start, end := kv.PrefixRange(c.w.prefix)
	own, prev, err := st.ReadPlace(ctx, c.w.key(key), math.MaxInt64, start, end)
	if err == nil {
		a.records[key], a.prev = c.w.see(own), c.w.neighbour(prev)
	}
	return err
}

// prepareRelease releases the client's own lease, or gets it one, which is no operation of the history: a lease lives from the
// start, for nobody can have named it before.
func (c *client) prepareRelease(ctx context.Context, ask *call) func(*answer) error {
	if c.lease == nil {
		l, err := c.st.Lessor().NewLease(ctx, time.Hour, false)
		if err == nil {
			c.lease, c.held = l, c.w.enlist(l.Id())
		}
		return nil
	}
	if c.held == 0 {
		return nil
	}
	ask.key, ask.lease = 0, c.held
	lease := c.lease
	return func(*answer) error {
		err := lease.Release()
		if err == nil || errors.Is(err, kv.ErrUncertain) {
			c.lease = nil
		}
		return err
	}
}
