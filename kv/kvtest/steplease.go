package kvtest

import (
	"fmt"
	"testing/synctest"
	"time"

	"github.com/coordkit/coord/kv"
)

type newLeaseStep struct {
	caller
	ttl       time.Duration
	keepAlive bool
}

func (s *newLeaseStep) String() string {
	return fmt.Sprintf("%v NewLease(%v, %v)", s.caller, s.ttl, s.keepAlive)
}

func (s *newLeaseStep) expect(m *model) answer {
	var mistake error
	if s.ttl <= 0 {
		mistake = kv.ErrInvalid
	}
	if err := s.refused(mistake); err != nil {
		return failed("new lease", "", err)
	}
	return answer{lease: m.newLease(s.on, s.ttl, s.keepAlive)}
}

func (s *newLeaseStep) perform(d *differ) answer {
	l, err := d.either(s.on).Lessor().NewLease(d.with(s.ctx), s.ttl, s.keepAlive)
	if err != nil {
		return answer{err: err}
	}
	return d.granted(l)
}

type getLeaseStep struct {
	on    int
	lease kv.LeaseId
}

func (s *getLeaseStep) String() string {
	return fmt.Sprintf("%v GetLease(%d)", caller{on: s.on}, s.lease)
}

func (s *getLeaseStep) expect(m *model) answer {
	if err := m.getLease(s.on, s.lease); err != nil {
		return failed("get lease", "", err)
	}
	return answer{lease: s.lease, own: m.lease(s.lease).owner == s.on}
}

func (s *getLeaseStep) perform(d *differ) answer {
	l, err := d.either(s.on).Lessor().GetLease(d.leases.id(s.lease))
	if err != nil {
		return answer{err: err}
	}
	n := d.leases.number(l.Id())
	own := l == d.own[n]
	if !own {
		d.seen[n] = l
	}
	return answer{lease: n, own: own}
}

// handle is what a step does something to: the lease's own handle, or a snapshot on the other side.
type handle struct {
	lease    kv.LeaseId
	snapshot bool
}

func (h handle) String() string {
	if h.snapshot {
		return fmt.Sprintf("snapshot of lease %d", h.lease)
	}
	return fmt.Sprintf("lease %d", h.lease)
}

func (h handle) of(d *differ) kv.Lease {
	if h.snapshot {
		return d.seen[h.lease]
	}
	return d.own[h.lease]
}

type releaseStep struct{ handle }

func (s *releaseStep) String() string { return s.handle.String() + ": Release()" }

func (s *releaseStep) expect(m *model) answer {
	how := releasedByOwner
	if s.snapshot {
		how = releasedByOther
	}
	m.end(s.lease, how)
	return answer{}
}

func (s *releaseStep) perform(d *differ) answer {
	l := s.of(d)
	got := answer{err: l.Release()}
	if left := l.TTL(); got.err == nil && left > 0 {
		got.odd = fmt.Sprintf("TTL() is %v after Release", left)
	}
	return got
}

type ttlStep struct{ handle }

func (s *ttlStep) String() string { return s.handle.String() + ": TTL()" }

func (s *ttlStep) expect(m *model) answer {
	return answer{left: m.leases[s.lease-1].leftAt(m.now, s.snapshot)}
}

func (s *ttlStep) perform(d *differ) answer {
	left := max(0, s.of(d).TTL())
	if want := d.m.leases[s.lease-1].leftAt(d.m.now, s.snapshot); !d.b.FakeTime && left > 0 && want > 0 {
		// How fast the real time goes the model does not know: here the leases are so long that it only asks whether they live.
		return answer{left: want}
	} else if d.b.FakeTime && want-d.b.Margin <= left && left <= want {
		left = want
	}
	return answer{left: left}
}

type stopKeepAliveStep struct{ handle }

func (s *stopKeepAliveStep) String() string { return s.handle.String() + ": StopKeepAlive()" }

func (s *stopKeepAliveStep) expect(m *model) answer {
	m.stopKeepAlive(s.lease)
	return answer{}
}

func (s *stopKeepAliveStep) perform(d *differ) answer {
	s.of(d).(interface{ StopKeepAlive() }).StopKeepAlive()
	return answer{}
}

// passStep lets fake time pass.
type passStep struct{ d time.Duration }

func (s *passStep) String() string { return fmt.Sprintf("%v pass", s.d) }

func (s *passStep) expect(m *model) answer {
	m.pass(s.d)
	return answer{}
}

func (s *passStep) perform(*differ) answer {
	time.Sleep(s.d)
	synctest.Wait() // what is due at this very instant is done
	return answer{}
}
