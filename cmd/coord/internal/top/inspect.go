package top

import (
	"context"
	"strconv"
	"strings"

	"github.com/coordkit/coord/kv"
	elections "github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	semaphores "github.com/coordkit/coord/primitives/semaphore"
)

// root is the prefix of everything.
const root = "coord/"

var segments = [kinds]string{lock: "lock", semaphore: "semaphore", election: "election", service: "registry"}

// placeOf returns whose record a key is of; false if it is of none.
func placeOf(key kv.Key) (place, bool) {
	rest, ok := strings.CutPrefix(string(key), root)
	parts := strings.SplitN(rest, "/", 3)
	if !ok || len(parts) < 3 || parts[1] == "" {
		return place{}, false
	}
	for k, segment := range segments {
		if parts[0] == segment {
			return place{kind(k), parts[1]}, true
		}
	}
	return place{}, false
}

// inspect returns what the records of one place say; false if no primitive has made them. The primitives read them: how a record looks, and
// who of a line holds, is known in one place only.
func inspect(k kind, records kv.Records) (state, bool) {
	st := sight{records: records}
	switch k {
	case lock:
		return one(mutex.List(context.Background(), st))(lockState)
	case semaphore:
		return one(semaphores.List(context.Background(), st))(semaphoreState)
	case election:
		return one(elections.List(context.Background(), st))(func(info elections.Info) state { return electionState(info, records) })
	default:
		return one(registry.New(st, nil).Services(context.Background()))(serviceState)
	}
}

// one turns the only element of a list into a state.
func one[T any](list []T, err error) func(func(T) state) (state, bool) {
	return func(f func(T) state) (state, bool) {
		if err != nil || len(list) != 1 {
			return state{}, false
		}
		return f(list[0]), true
	}
}

// sight answers a read with what was watched.
type sight struct {
	kv.Storage
	records kv.Records
}

// GetRange implements kv.Storage for a reader of one range.
func (s sight) GetRange(context.Context, kv.Key, kv.Key) (kv.Records, error) { return s.records, nil }

func lockState(info mutex.Info) state {
	s := state{name: info.Name}
	for _, e := range info.Holders {
		s.has = append(s.has, lockMember(e))
	}
	for _, e := range info.Queue {
		s.waits = append(s.waits, lockMember(e))
	}
	return s
}

func lockMember(e mutex.Entry) member {
	m := member{
		identity: identity{e.Key, e.Token}, lease: e.Lease, label: e.Owner.Name, owner: e.Owner, note: e.Note, since: e.Since, err: text(e.Err),
		extra: "write",
	}
	if e.Shared {
		m.extra = "read"
	}
	return m
}

func semaphoreState(info semaphores.Info) state {
	s := state{name: info.Name, inUse: info.Used, limit: info.Limit, err: text(info.Err)}
	for _, e := range info.Holders {
		s.has = append(s.has, semaphoreMember(e))
	}
	for _, e := range info.Queue {
		s.waits = append(s.waits, semaphoreMember(e))
	}
	return s
}

func semaphoreMember(e semaphores.Entry) member {
	return member{
		identity: identity{e.Key, e.Token}, lease: e.Lease, label: e.Owner.Name, owner: e.Owner, note: e.Note, since: e.Since, err: text(e.Err),
		extra: strconv.FormatInt(e.Weight, 10),
	}
}

// electionState needs the records: of the leader's entry, package election does not tell the lease.
func electionState(info elections.Info, records kv.Records) state {
	s := state{name: info.Name, term: info.Leader.Number, err: text(info.Err)}
	if l := info.Leader; !l.Vacant {
		m := member{identity: identity{l.Key, l.Token}, label: l.ID, owner: l.Owner, note: string(l.Value), since: l.Since, extra: "-"}
		for _, r := range records {
			if r.Key == l.Key {
				m.lease = r.Lease
			}
		}
		s.has = []member{m}
	}
	for _, c := range info.Candidates {
		s.waits = append(s.waits, member{
			identity: identity{c.Key, c.Token}, lease: c.Lease, label: c.ID, owner: c.Owner, since: c.Since, err: text(c.Err),
			extra: strconv.Itoa(c.Priority),
		})
	}
	return s
}

// serviceState takes an instance for the same through all its updates.
func serviceState(snap *registry.Snapshot) state {
	s := state{name: snap.Service}
	for _, i := range snap.Instances {
		s.has = append(s.has, member{
			identity: identity{key: i.Key}, lease: i.Lease, label: i.ID, owner: i.Owner, since: i.Since, extra: string(i.Status), note: addresses(i),
		})
		if i.Status == registry.Serving {
			s.inUse++
		}
	}
	for _, bad := range snap.Bad {
		s.has = append(s.has, member{identity: identity{key: bad.Key}, err: bad.Error()})
	}
	return s
}

// addresses are where an instance can be reached, and what else is worth a word.
func addresses(i *registry.Instance) string {
	var parts []string
	for _, e := range i.Endpoints {
		part := e.Address
		if e.Name != "" {
			part = e.Name + "=" + part
		}
		parts = append(parts, part)
	}
	if i.Version != "" {
		parts = append(parts, i.Version)
	}
	return strings.Join(parts, " ")
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
