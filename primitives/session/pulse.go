package session

import "time"

// pulse notes whether a tenure's lease is renewed in time. A lease tells what is left of it and not when it was renewed: that is as long
// ago as the greatest time it ever had exceeds what is left.
type pulse struct {
	t    *tenure
	full time.Duration // the greatest time that the lease has had
	late bool

	felt time.Time     // when it was felt last, in a late phase
	age  time.Duration // since the renewal before, at that time
}

func newPulse(t *tenure) *pulse { return &pulse{t: t} }

// feel looks at the lease, tells what there is to tell, and returns when to look again: where the lease would be late, or at its margin, if
// it were never renewed; and often while it is late, so that no two renewals pass between two looks.
func (p *pulse) feel() time.Duration {
	left := p.t.lease.TTL()
	p.full = max(p.full, left)
	age, untilMargin := p.full-left, left-p.t.s.opts.Margin
	switch {
	case p.late && age < p.age:
		gap := p.age + time.Since(p.felt) - age
		p.late = false
		p.t.s.opts.Logger.Info("lease renewed again", "lease", p.t.lease.Id(), "after", gap)
		p.t.s.emit(Event{Kind: LeaseRenewed, Took: gap})
	case !p.late && left <= p.full/2 && untilMargin > 0: // else it is lost, which is told by itself
		p.late = true
		p.t.s.opts.Logger.Warn("lease not renewed in time, and not lost yet", "lease", p.t.lease.Id(), "left", left)
		p.t.s.emit(Event{Kind: LeaseLate, Took: age})
	}
	p.felt, p.age = time.Now(), age
	if p.late {
		return min(untilMargin, p.full/20)
	}
	return max(0, min(untilMargin, left-p.full/2))
}
