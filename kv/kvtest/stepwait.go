package kvtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	"github.com/coordkit/coord/kv"
)

type waitStep struct {
	caller
	key     kv.Key
	version kv.Version

	stands *modelWait // the model's, if it does not return at once
}

func (s *waitStep) String() string {
	return fmt.Sprintf("%v WaitForVersionChange(%s, version %d)", s.caller, show(string(s.key)), s.version)
}

func (s *waitStep) expect(m *model) answer {
	err := s.refused(mistakeInKey(s.key))
	var r kv.Record
	if err == nil {
		r, s.stands, err = m.wait(s.key, s.version)
	}
	if err != nil {
		return failed("wait", s.key, err)
	}
	return answer{record: r, stands: s.stands != nil}
}

// armed is a wait that is standing on the store.
type armed struct {
	c    <-chan outcome
	stop context.CancelFunc
}

func (s *waitStep) perform(d *differ) answer {
	ctx, stop := d.with(s.ctx), context.CancelFunc(func() {})
	if s.ctx == open {
		ctx, stop = context.WithCancel(ctx)
	}
	c := d.arm(ctx, d.either(s.on), s.key, d.versions.id(s.version))
	if s.stands == nil {
		defer stop()
		return d.outcome(c)
	}
	d.armed[s.stands] = armed{c, stop}
	d.settle()
	return d.outcomeNow(c)
}

// outcome takes the answer of a wait that has one to give; if it gives none, it stands.
func (d *differ) outcome(c <-chan outcome) answer {
	if !d.b.FakeTime {
		select {
		case o := <-c:
			return answer{record: d.returned(o.rec), err: o.err}
		case <-time.After(30 * time.Second):
			return answer{stands: true}
		}
	}
	synctest.Wait()
	return d.outcomeNow(c)
}

func (d *differ) outcomeNow(c <-chan outcome) answer {
	select {
	case o := <-c:
		return answer{record: d.returned(o.rec), err: o.err}
	default:
		return answer{stands: true}
	}
}

// giveUpStep ends the ctx of a wait that has nothing to tell.
type giveUpStep struct{ wait *modelWait }

func (s *giveUpStep) String() string {
	return fmt.Sprintf("the wait on %s is given up", show(string(s.wait.key)))
}

func (s *giveUpStep) expect(m *model) answer {
	m.forget(s.wait)
	return failed("wait", s.wait.key, context.Canceled)
}

func (s *giveUpStep) perform(d *differ) answer {
	w := d.armed[s.wait]
	delete(d.armed, s.wait)
	w.stop()
	return d.outcome(w.c)
}

// collectStep looks after all waits: those that were told something have returned it, and the others have not returned.
type collectStep struct{ answered []*modelWait }

func (s *collectStep) String() string { return fmt.Sprintf("waits answered: %d", len(s.answered)) }

func (s *collectStep) expect(m *model) answer {
	for _, w := range slices.Clone(m.waits) {
		if len(w.told) > 0 {
			s.answered = append(s.answered, w)
			m.forget(w)
		}
	}
	return answer{}
}

func (s *collectStep) perform(d *differ) answer {
	for _, w := range s.answered {
		got := d.outcome(d.armed[w].c)
		d.armed[w].stop()
		delete(d.armed, w)
		d.collected++
		diff := got.differs(answer{record: w.told[0]})
		if diff != "" && d.late(w, got) {
			d.lateWaits++
			continue
		}
		if diff != "" {
			return answer{odd: fmt.Sprintf("the wait on %s: %s", show(string(w.key)), diff)}
		}
	}
	for w, a := range d.armed {
		if got := d.outcomeNow(a.c); !got.stands {
			return answer{odd: fmt.Sprintf("the wait on %s, which nothing has changed, returned %v", show(string(w.key)), got)}
		}
	}
	return answer{}
}

// late says whether the answer is right for a wait that began only after the first change. Nobody can tell when a wait on a
// server begins, though it does so before settle returns as a rule; that it is the rule is checked in the end.
func (d *differ) late(w *modelWait, got answer) bool {
	if d.b.FakeTime {
		return false
	}
	return slices.ContainsFunc(w.told, func(r kv.Record) bool {
		if r.Version == 0 {
			return errors.Is(got.err, kv.ErrNotFound)
		}
		return got.err == nil && sameRecord(r, got.record)
	})
}
