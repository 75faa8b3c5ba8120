package kvtest

import (
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// model is the contract said once more, in the plainest way there is: what a store answers to calls that are made one at a time.
// It numbers versions and leases 1, 2, 3 and so on; what a store has in their place is translated by who compares.
type model struct {
	minTTL  time.Duration // of a lease: shorter ones are granted as this
	now     time.Duration // since the beginning
	version kv.Version    // the last one given
	records map[kv.Key]modelRecord
	leases  []*modelLease // all there ever were; number n is at n-1
	live    []*modelLease
	waits   []*modelWait // whose answers nobody has taken yet
}

type modelRecord struct {
	kv.Record
	created kv.Version
}

// modelWait is a wait that stands, or has been answered.
type modelWait struct {
	key  kv.Key
	told []kv.Record // the changes since it stands, the first of which is its answer; a deletion is the zero record
}

func newModel() *model { return &model{records: map[kv.Key]modelRecord{}} }

// mistakeInKey says which error a key is answered with, in other words than Key.Validate.
func mistakeInKey(k kv.Key) error {
	switch {
	case len(k) == 0:
		return kv.ErrInvalid
	case len(k) > 1024:
		return kv.ErrTooLarge
	case string([]rune(string(k))) != string(k): // what is not UTF-8 does not survive
		return kv.ErrInvalid
	}
	return nil
}

func mistakeIn(r kv.Record) error {
	if err := mistakeInKey(r.Key); err != nil {
		return err
	}
	if len(r.Value) > 1024*1024 {
		return kv.ErrTooLarge
	}
	return nil
}

func (m *model) create(r kv.Record) (kv.Version, error) {
	if old, ok := m.records[r.Key]; ok {
		return old.Version, kv.ErrAlreadyExists
	}
	if r.Lease != kv.NoLeaseId && m.lease(r.Lease) == nil {
		return 0, kv.ErrWrongLeaseId
	}
	m.version++
	r.Version = m.version
	m.records[r.Key] = modelRecord{r, m.version}
	m.tell(r.Key, r)
	return r.Version, nil
}

func (m *model) get(key kv.Key) (kv.Record, error) {
	r, ok := m.records[key]
	if !ok {
		return kv.Record{}, kv.ErrNotFound
	}
	return r.Record, nil
}

func (m *model) getRange(start, end kv.Key) kv.Records {
	found := kv.Records{}
	for k, r := range m.records {
		if start <= k && k <= end {
			found = append(found, r.Record)
		}
	}
	slices.SortFunc(found, func(a, b kv.Record) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return found
}

func (m *model) cas(r kv.Record) (kv.Version, error) {
	old, ok := m.records[r.Key]
	switch {
	case !ok:
		return 0, kv.ErrNotFound
	case old.Version != r.Version:
		return old.Version, kv.ErrWrongVersion
	}
	m.version++
	old.Version, old.Value = m.version, r.Value
	m.records[r.Key] = old
	m.tell(r.Key, old.Record)
	return m.version, nil
}

func (m *model) delete(key kv.Key) error {
	if _, ok := m.records[key]; !ok {
		return kv.ErrNotFound
	}
	delete(m.records, key)
	m.tell(key, kv.Record{})
	return nil
}

func (m *model) append(r kv.Record, start, end kv.Key) (v kv.Version, prev kv.Record, ahead int, err error) {
	if v, err = m.create(r); err != nil {
		return v, kv.Record{}, 0, err
	}
	prev, ahead = m.newest(r.Key, v, start, end)
	return v, prev, ahead, nil
}

func (m *model) readPlace(key kv.Key, created kv.Version, start, end kv.Key) (own, prev kv.Record, err error) {
	if own, err = m.get(key); err != nil {
		return kv.Record{}, kv.Record{}, err
	}
	prev, _ = m.newest(key, created, start, end)
	return own, prev, nil
}

// newest is the one created last of the records from start to end but the one at key that were created before v, and n how many
// those are.
func (m *model) newest(key kv.Key, v kv.Version, start, end kv.Key) (last kv.Record, n int) {
	newest := kv.Version(0)
	for _, other := range m.getRange(start, end) {
		created := m.records[other.Key].created
		if other.Key == key || created >= v {
			continue
		}
		n++
		if created > newest {
			newest, last = created, other
		}
	}
	return last, n
}

// wait answers a wait, or returns the wait if it stands.
func (m *model) wait(key kv.Key, version kv.Version) (kv.Record, *modelWait, error) {
	r, err := m.get(key)
	if err != nil || r.Version != version {
		return r, nil, err
	}
	w := &modelWait{key: key}
	m.waits = append(m.waits, w)
	return kv.Record{}, w, nil
}

// tell notes a change for those who wait.
func (m *model) tell(key kv.Key, r kv.Record) {
	for _, w := range m.waits {
		if w.key == key {
			w.told = append(w.told, r)
		}
	}
}

// forget drops a wait whose answer was taken, or that was given up.
func (m *model) forget(w *modelWait) {
	m.waits = slices.DeleteFunc(m.waits, func(other *modelWait) bool { return other == w })
}
