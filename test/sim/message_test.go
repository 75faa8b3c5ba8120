package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
)

// rates are those of what goes wrong with a message though its client is connected.
type rates struct{ refused, requestLost, answerLost, late float64 }

const (
	tripAtMost = 3 * time.Millisecond // how long a message is on its way
	lateAtMost = 3 * time.Second      // how late a write lands that was given up
	deafAtMost = 4 * time.Second      // how long a call waits for the answer of a store that it cannot reach
)

// message is a call on its way to the store and back.
type message struct {
	c      *client
	name   string
	ctx    context.Context
	call   intercept.Call
	do     func(context.Context) error
	answer chan error // takes one
}

// pass takes a call of the client's over its way. It is an intercept.Interceptor's.
func (w *way) pass(ctx context.Context, call intercept.Call, do func(context.Context) error) error {
	if ctx.Err() != nil {
		return do(ctx) // it is not sent, and the storage says so
	}
	c := w.c
	name := fmt.Sprintf("%s %s %s %s %d %d", w.name, call.Op, call.Key, call.End, call.Version, call.Lease)
	m := &message{c, name, ctx, call, do, make(chan error, 1)}
	c.r.wire.post(m.name, m.send)
	c.r.underWay.Add(1)
	defer c.r.underWay.Add(-1)
	err := m.await()
	if err != nil || !m.stands() {
		return err
	}
	err = do(ctx) // for as long as the wait, or the watch, lasts
	if call.Op == intercept.OpWait && ctx.Err() == nil {
		if lost := c.trip(ctx, "answer of "+m.name); lost != nil {
			return lost
		}
	}
	return err
}

// stands reports whether the call goes on at the store once it has arrived.
func (m *message) stands() bool {
	return m.call.Op == intercept.OpWait || m.call.Op == intercept.OpWatchRange
}

// await returns what the caller is told. A caller that goes away leaves the message on its way.
func (m *message) await() error {
	select {
	case err := <-m.answer:
		return err
	case <-m.ctx.Done():
	}
	select {
	case err := <-m.answer:
		return err
	default:
	}
	if m.call.Writes() {
		return fmt.Errorf("%w: %w", kv.ErrUncertain, m.ctx.Err())
	}
	return m.ctx.Err()
}

// send decides what becomes of the message.
func (m *message) send() {
	c, w := m.c, m.c.r.wire
	if c.stopped {
		c.hold(m.send)
		return
	}
	dice := w.of(m.name)
	which, there, back, late := dice.Float64(), 1+upTo(dice, tripAtMost), 1+upTo(dice, tripAtMost), upTo(dice, lateAtMost)
	fate := c.r.rates.fate(which, m.call.Writes())
	if c.cut {
		fate = "cut off"
	}
	w.trace.add("%s: %s", m.name, fate)
	switch fate {
	case "refused":
		w.after(there, func() { m.reply(kv.ErrUnavailable) })
	case "cut off":
		m.lose(which < 0.5)
	case "request lost":
		w.after(there, func() { m.reply(kv.ErrUncertain) })
	case "answer lost":
		w.after(there, func() { _ = m.arrive() })
		w.after(there+back, func() { m.reply(kv.ErrUncertain) })
	case "late":
		w.after(late, func() { _ = m.arrive() })
		w.after(there, func() { m.reply(kv.ErrUncertain) })
	default:
		w.after(there, func() { m.visit(back) })
	}
}

func (r rates) fate(which float64, writes bool) string {
	if which < r.refused {
		return "refused"
	}
	if !writes {
		return "arrives"
	}
	for _, f := range []struct {
		name string
		upTo float64
	}{
		{"request lost", r.refused + r.requestLost},
		{"answer lost", r.refused + r.requestLost + r.answerLost},
		{"late", r.refused + r.requestLost + r.answerLost + r.late},
	} {
		if which < f.upTo {
			return f.name
		}
	}
	return "arrives"
}

// visit brings the message to the store, and what it says back.
func (m *message) visit(back time.Duration) {
	switch {
	case m.c.stopped: // its handle is cut off, for its keep-alives
		m.c.hold(func() { m.visit(back) })
	case m.c.cut:
		m.lose(false)
	case m.stands():
		m.reply(nil)
	default:
		err := m.arrive()
		m.c.r.wire.after(back, func() {
			if m.c.cut {
				m.lose(false)
			} else {
				m.reply(err)
			}
		})
	}
}

// arrive makes the call at the store. Its caller may have gone.
func (m *message) arrive() error {
	err := m.do(context.WithoutCancel(m.ctx))
	m.c.r.wire.trace.add("%s: %s", m.name, code(err))
	return err
}

// lose tells the caller that the store cannot be reached, at once or after a while.
func (m *message) lose(atOnce bool) {
	w := m.c.r.wire
	dice := w.of(m.name)
	switch {
	case atOnce:
		w.after(upTo(dice, tripAtMost), func() { m.reply(kv.ErrUnavailable) })
	case m.call.Writes():
		w.after(upTo(dice, deafAtMost), func() { m.reply(kv.ErrUncertain) })
	default:
		w.after(upTo(dice, deafAtMost), func() { m.reply(kv.ErrUnavailable) })
	}
}

func (m *message) reply(err error) {
	if m.c.stopped {
		m.c.hold(func() { m.reply(err) })
		return
	}
	m.answer <- err
}

// trip returns nil when what the store has sent by itself, the answer of a wait or the event of a watch, has reached the client; or
// ctx's error.
func (c *client) trip(ctx context.Context, name string) error {
	there := make(chan struct{})
	w := c.r.wire
	w.post(name, func() {
		d := 1 + upTo(w.of(name), tripAtMost)
		w.trace.add("%s: %v", name, d)
		w.after(d, func() { c.land(func() { close(there) }) })
	})
	select {
	case <-there:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// land does what comes to the client, once it is there to hear it.
func (c *client) land(do func()) {
	if c.cut || c.stopped {
		c.hold(func() { c.land(do) })
		return
	}
	do()
}

// code is the class of an error, for the trace.
func code(err error) string {
	for _, e := range []error{
		kv.ErrAlreadyExists, kv.ErrNotFound, kv.ErrWrongVersion, kv.ErrWrongLeaseId, kv.ErrClosed, kv.ErrUncertain, kv.ErrUnavailable,
	} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	if err != nil {
		return err.Error()
	}
	return "done"
}
