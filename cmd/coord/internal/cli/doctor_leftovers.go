//go:build unix

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/semaphore"
)

// What is where, see docs/format.md.
var (
	entryKey    = pattern(`^coord/(lock/[^/]+/[rw]|semaphore/[^/]+/q|election/[^/]+/c)/[^/]+$`)
	instanceKey = pattern(`^(coord/registry/[^/]+/)i/[^/]+$`)
	delayKey    = pattern(`^coord/lockdelay/([^/]+)/([0-9]+)$`)
	otherKey    = pattern(`^coord/(lockdelay/[^/]+/[0-9]+/out|semaphore/[^/]+/limit|election/[^/]+/term|registry/[^/]+/e|doctor/.*)$`)
)

// pattern compiles an expression when it is asked for: every command begins with what is made here, and few come to use it.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// leftovers looks at all that coord keeps on the store, as it is at one moment.
func (d *doctor) leftovers(ctx context.Context, st kv.Storage) {
	p, err := within(ctx, func(ctx context.Context) (*picture, error) { return takePicture(ctx, st, "coord/") })
	if err != nil {
		d.fail("records", "", err)
		return
	}
	d.mortals(p)
	s, err := survey(ctx, p)
	if err != nil {
		d.fail("records", "", err)
		return
	}
	d.unreadable(s)
	d.epochs(p)
	d.delays(p, s)
	d.strangers(p)
	d.clocks(s)
}

// keysOf finds records.
func (p *picture) keysOf(is func(kv.Record) bool) []string {
	var keys []string
	for _, r := range p.records {
		if is(r) {
			keys = append(keys, string(r.Key))
		}
	}
	return keys
}

// list takes a finding about keys, if there are any.
func (d *doctor) list(check, result, what, advice string, keys []string) bool {
	if len(keys) == 0 {
		return false
	}
	d.found(findingView{Check: check, Result: result, Detail: fmt.Sprintf("%s (%d)", what, len(keys)), Advice: advice, Keys: keys})
	return true
}

// mortals finds what should go with the process that made it, and does not.
func (d *doctor) mortals(p *picture) {
	entries := p.keysOf(func(r kv.Record) bool { return r.Lease == kv.NoLeaseId && entryKey().MatchString(string(r.Key)) })
	instances := p.keysOf(func(r kv.Record) bool { return r.Lease == kv.NoLeaseId && instanceKey().MatchString(string(r.Key)) })
	bad := d.list("leases", resultFail, "entries without a lease",
		"each blocks for ever once its owner is dead: coord lock break, semaphore break, election resign, or coord kv del KEY", entries)
	bad = d.list("leases", resultFail, "instances without a lease", "each stays for ever: coord kv del KEY if its process is dead", instances) || bad
	if !bad {
		d.ok("leases", "whatever belongs to a process goes with its lease")
	}
}

// surveyed is what the primitives say of all that is theirs.
type surveyed struct {
	blocking, hidden []string             // keys of records that cannot be read: those that block others, and those that are left out
	living           map[string]bool      // tokens of locks' entries, with the part of the key that names the lock
	since            map[string]time.Time // when the latest thing of each owner was made, by its own clock
}

func (s *surveyed) entry(owner string, since time.Time, key kv.Key, err error) {
	if err != nil {
		s.blocking = append(s.blocking, string(key))
	} else if since.After(s.since[owner]) {
		s.since[owner] = since
	}
}

func survey(ctx context.Context, p *picture) (*surveyed, error) {
	s := &surveyed{living: make(map[string]bool), since: make(map[string]time.Time)}
	locks, err := mutex.List(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, l := range locks {
		for _, e := range slices.Concat(l.Holders, l.Queue) {
			s.entry(e.Owner.Name, e.Since, e.Key, e.Err)
			s.living[strings.Split(string(e.Key), "/")[2]+"/"+strconv.FormatInt(int64(e.Token), 10)] = true
		}
	}
	semaphores, err := semaphore.List(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, m := range semaphores {
		if m.Err != nil {
			s.blocking = append(s.blocking, "coord/semaphore/"+inKey(m.Name)+"/limit")
		}
		for _, e := range slices.Concat(m.Holders, m.Queue) {
			s.entry(e.Owner.Name, e.Since, e.Key, e.Err)
		}
	}
	elections, err := election.List(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, e := range elections {
		if e.Err != nil {
			s.blocking = append(s.blocking, "coord/election/"+inKey(e.Name)+"/term")
		}
		s.entry(e.Leader.Owner.Name, e.Leader.Since, e.Leader.Key, nil)
		for _, c := range e.Candidates {
			s.entry(c.Owner.Name, c.Since, c.Key, c.Err)
		}
	}
	services, err := registry.New(p, nil).Services(ctx)
	for _, service := range services {
		for _, i := range service.Instances {
			s.entry(i.Owner.Name, i.Since, i.Key, nil)
		}
		for _, bad := range service.Bad {
			s.hidden = append(s.hidden, string(bad.Key))
		}
	}
	return s, err
}

// inKey is a name as a part of a key. docs/format.md has the rule, which is that of a query but for the space.
func inKey(name string) string { return strings.ReplaceAll(url.QueryEscape(name), "+", "%20") }

func (d *doctor) unreadable(s *surveyed) {
	bad := d.list("records", resultFail, "unreadable records that block others",
		"was it written by a newer coord? if not: coord lock break, semaphore break, semaphore limit, or coord kv del KEY", s.blocking)
	bad = d.list("records", resultWarn, "unreadable instances",
		"was it written by a newer coord? if not, coord kv del KEY", s.hidden) || bad
	if !bad {
		d.ok("records", "all can be read")
	}
}

// epochs finds services whose readers on stores without a watch would miss who joins.
func (d *doctor) epochs(p *picture) {
	there := make(map[string]bool)
	var missing []string
	for _, r := range p.records {
		there[string(r.Key)] = true
	}
	for _, r := range p.records {
		m := instanceKey().FindStringSubmatch(string(r.Key))
		if m != nil && !there[m[1]+"e"] {
			missing = append(missing, m[1]+"e")
		}
	}
	if !d.list("services", resultWarn, "services without their epoch", "coord kv create KEY 1", slices.Compact(missing)) {
		d.ok("services", "each has its epoch")
	}
}

// delays finds what holders have left that died, or were cut off.
func (d *doctor) delays(p *picture, s *surveyed) {
	var longest time.Duration
	left := p.keysOf(func(r kv.Record) bool {
		m := delayKey().FindStringSubmatch(string(r.Key))
		if m == nil || r.Lease != kv.NoLeaseId || s.living[m[1]+"/"+m[2]] {
			return false
		}
		var v struct {
			Millis int64 `json:"delay_ms"`
		}
		if json.Unmarshal(r.Value, &v) == nil {
			longest = max(longest, time.Duration(v.Millis)*time.Millisecond)
		}
		return true
	})
	advice := fmt.Sprintf("the next holder waits up to %v and clears it away", longest)
	if !d.list("delays", resultWarn, "delays of holders that did not give their lock back", advice, left) {
		d.ok("delays", "no lock is delayed")
	}
}

func (d *doctor) strangers(p *picture) {
	known := []*regexp.Regexp{entryKey(), instanceKey(), delayKey(), otherKey()}
	strange := p.keysOf(func(r kv.Record) bool {
		return !slices.ContainsFunc(known, func(re *regexp.Regexp) bool { return re.MatchString(string(r.Key)) })
	})
	if !d.list("keys", resultWarn, "keys under coord/ that are none of coord's", "of a newer coord, or of somebody who should keep to another prefix", strange) {
		d.ok("keys", "all keys under coord/ are coord's")
	}
}

// ahead is by how much another's clock may be ahead of this one's before it is told.
const ahead = 2 * time.Second

// clocks compares this clock with what others have written by theirs: nothing can have been made in the future. The store tells no time.
func (d *doctor) clocks(s *surveyed) {
	var most time.Duration
	var whose string
	for owner, since := range s.since {
		if by := time.Until(since); by > most {
			most, whose = by, owner
		}
	}
	if most > ahead {
		d.warn("clock", "set them by one source; no lease or lock depends on it, but ages shown do",
			"the clock of %s is ahead of this host's by %s at least", whose, short(most))
		return
	}
	d.ok("clock", "nobody's is seen to be ahead of this host's; the store tells no time")
}
