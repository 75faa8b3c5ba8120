package kvtest

import (
	"context"
	"fmt"

	"github.com/coordkit/coord/kv"
)

// step is one operation of a sequence. Its versions and leases are the model's numbers, or such as no write and no grant gave.
type step interface {
	fmt.Stringer
	// expect does it to the model.
	expect(m *model) answer
	// perform does it to the store.
	perform(d *differ) answer
}

// caller is who calls: on which of the two handles, and with what ctx.
type caller struct {
	on  int
	ctx ctxKind
}

type ctxKind int

const (
	open    ctxKind = iota
	over            // canceled before the call
	missing         // nil
)

func (c caller) String() string {
	return [2]string{"here", "far "}[c.on] + [3]string{"", " (ctx over)", " (nil ctx)"}[c.ctx]
}

// refused returns the error of a call that never comes to the store; mistake is what its arguments are guilty of.
func (c caller) refused(mistake error) error {
	switch {
	case c.ctx == missing:
		return kv.ErrInvalid
	case mistake != nil:
		return mistake
	case c.ctx == over:
		return context.Canceled
	}
	return nil
}

type createStep struct {
	caller
	record kv.Record
}

func (s *createStep) String() string {
	return fmt.Sprintf("%v Create(%s, %s, lease %d)",
		s.caller, show(string(s.record.Key)), show(string(s.record.Value)), s.record.Lease)
}

func (s *createStep) expect(m *model) answer {
	if err := s.refused(mistakeIn(s.record)); err != nil {
		return failed("create", s.record.Key, err)
	}
	v, err := m.create(s.record)
	if err != nil {
		return failedWrite("create", s.record.Key, v, err)
	}
	return answer{version: v}
}

func (s *createStep) perform(d *differ) answer {
	r := d.passed(s.record)
	v, err := d.either(s.on).Create(d.with(s.ctx), r)
	scribble(r.Value)
	return d.written(v, err)
}

type getStep struct {
	caller
	key kv.Key
}

func (s *getStep) String() string { return fmt.Sprintf("%v Get(%s)", s.caller, show(string(s.key))) }

func (s *getStep) expect(m *model) answer {
	err := s.refused(mistakeInKey(s.key))
	var r kv.Record
	if err == nil {
		r, err = m.get(s.key)
	}
	if err != nil {
		return failed("get", s.key, err)
	}
	return answer{record: r}
}

func (s *getStep) perform(d *differ) answer {
	r, err := d.either(s.on).Get(d.with(s.ctx), s.key)
	return answer{record: d.returned(r), err: err}
}

type rangeStep struct {
	caller
	start, end kv.Key
}

func (s *rangeStep) String() string {
	return fmt.Sprintf("%v GetRange(%s, %s)", s.caller, show(string(s.start)), show(string(s.end)))
}

func (s *rangeStep) expect(m *model) answer {
	if err := s.refused(nil); err != nil {
		return failed("get range", s.start, err)
	}
	return answer{records: m.getRange(s.start, s.end)}
}

func (s *rangeStep) perform(d *differ) answer {
	recs, err := d.either(s.on).GetRange(d.with(s.ctx), s.start, s.end)
	return d.returnedAll(recs, err)
}

type casStep struct {
	caller
	record kv.Record
}

func (s *casStep) String() string {
	return fmt.Sprintf("%v CasByVersion(%s, version %d, %s, lease %d)",
		s.caller, show(string(s.record.Key)), s.record.Version, show(string(s.record.Value)), s.record.Lease)
}

func (s *casStep) expect(m *model) answer {
	if err := s.refused(mistakeIn(s.record)); err != nil {
		return failed("cas", s.record.Key, err)
	}
	v, err := m.cas(s.record)
	if err != nil {
		return failedWrite("cas", s.record.Key, v, err)
	}
	return answer{version: v}
}

func (s *casStep) perform(d *differ) answer {
	r := d.passed(s.record)
	v, err := d.either(s.on).CasByVersion(d.with(s.ctx), r)
	scribble(r.Value)
	return d.written(v, err)
}

type deleteStep struct {
	caller
	key kv.Key
}

func (s *deleteStep) String() string {
	return fmt.Sprintf("%v Delete(%s)", s.caller, show(string(s.key)))
}

func (s *deleteStep) expect(m *model) answer {
	err := s.refused(mistakeInKey(s.key))
	if err == nil {
		err = m.delete(s.key)
	}
	if err != nil {
		return failed("delete", s.key, err)
	}
	return answer{}
}

func (s *deleteStep) perform(d *differ) answer {
	return answer{err: d.either(s.on).Delete(d.with(s.ctx), s.key)}
}

type appendStep struct {
	caller
	record     kv.Record
	start, end kv.Key
}

func (s *appendStep) String() string {
	return fmt.Sprintf("%v Append(%s, %s, lease %d, behind %s to %s)", s.caller, show(string(s.record.Key)),
		show(string(s.record.Value)), s.record.Lease, show(string(s.start)), show(string(s.end)))
}

func (s *appendStep) expect(m *model) answer {
	if err := s.refused(mistakeIn(s.record)); err != nil {
		return failed("append", s.record.Key, err)
	}
	v, prev, ahead, err := m.append(s.record, s.start, s.end)
	if err != nil {
		return failedWrite("append", s.record.Key, v, err)
	}
	return answer{version: v, record: prev, ahead: ahead}
}

func (s *appendStep) perform(d *differ) answer {
	a, _ := kv.As[kv.Appender](d.either(s.on))
	r := d.passed(s.record)
	v, prev, ahead, err := a.Append(d.with(s.ctx), r, s.start, s.end)
	scribble(r.Value)
	got := d.written(v, err)
	got.record, got.ahead = d.returned(prev), ahead
	return got
}

type placeStep struct {
	caller
	key        kv.Key
	created    kv.Version
	start, end kv.Key
}

func (s *placeStep) String() string {
	return fmt.Sprintf("%v ReadPlace(%s, before %d, from %s to %s)", s.caller, show(string(s.key)), s.created,
		show(string(s.start)), show(string(s.end)))
}

func (s *placeStep) expect(m *model) answer {
	err := s.refused(mistakeInKey(s.key))
	var own, prev kv.Record
	if err == nil {
		own, prev, err = m.readPlace(s.key, s.created, s.start, s.end)
	}
	if err != nil {
		return failed("read place", s.key, err)
	}
	return answer{record: own, records: kv.Records{prev}}
}

func (s *placeStep) perform(d *differ) answer {
	p, _ := kv.As[kv.PlaceReader](d.either(s.on))
	own, prev, err := p.ReadPlace(d.with(s.ctx), s.key, d.versions.id(s.created), s.start, s.end)
	got := answer{record: d.returned(own), err: err}
	if err == nil {
		got.records = kv.Records{d.returned(prev)}
	}
	return got
}
