package linear

// lazily is step for a lazy operation.
func (s state) lazily(c call) (state, bool) {
	if s.due&c.bit() != 0 {
		return s, false
	}
	s.due |= c.bit()
	ghost := record{value: c.value, lease: c.lease, most: none}
	ok := false
	switch c.op {
	case opDelete:
		ok = s.has(c.key) && c.nth == s.deletes[c.key]
		s.records[c.key] = record{}
		s.deletes[c.key]++
	case opCreate, opAppend:
		ok = !s.has(c.key) && !s.isDead(c.lease)
		s.records[c.key] = ghost
	case opCas:
		ghost.lease = s.records[c.key].lease
		s, ok = s.learn(c.key, c.version)
		s.records[c.key] = ghost
	}
	return s, ok
}

func (c call) bit() uint8 { return 1 << c.key }

// touches are the keys that the call depends on. A release depends on none: what it removes is gone after it, whatever it was.
func (c call) touches(a answer) uint8 {
	switch {
	case c.op == opRange, (c.op == opAppend || c.op == opPlace) && a.told == done:
		return 1<<keys - 1
	case c.op == opRelease:
		return 0
	}
	return c.bit()
}
