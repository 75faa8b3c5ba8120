//go:build unix

package cli

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// object is a thing that commands show. Its exported fields are its JSON form, whose names are stable; docs/output.md lists them.
type object interface {
	// id is what -o name prints.
	id() string
	// askTTLs sets what is left of the leases that the object names, as ttl tells.
	askTTLs(ttl func(leaseID) *float64)
}

// leaseID is a lease, hexadecimal in output as etcdctl prints it.
type leaseID kv.LeaseId

// String returns the number, or a dash for no lease.
func (l leaseID) String() string {
	if l == kv.NoLeaseId {
		return "-"
	}
	return strconv.FormatInt(int64(l), 16)
}

// MarshalJSON returns the number as a string, or null for no lease.
func (l leaseID) MarshalJSON() ([]byte, error) {
	if l == kv.NoLeaseId {
		return []byte("null"), nil
	}
	return json.Marshal(l.String())
}

// ownerView is who made an entry, and when.
type ownerView struct {
	Owner   string     `json:"owner"`
	Host    string     `json:"host"`
	PID     int        `json:"pid"`
	Program string     `json:"program"`
	Since   *time.Time `json:"since"` // by the owner's clock; null if it cannot be read
}

func newOwnerView(o session.Owner, since time.Time) ownerView {
	v := ownerView{Owner: o.Name, Host: o.Host, PID: o.PID, Program: o.Program}
	if !since.IsZero() {
		v.Since = &since
	}
	return v
}

// leaseView is the lease that something goes with.
type leaseView struct {
	Lease      leaseID  `json:"lease"`
	TTLSeconds *float64 `json:"ttl_seconds"` // what is left of it; null if it is not known
}

func (v *leaseView) askTTLs(ttl func(leaseID) *float64) { v.TTLSeconds = ttl(v.Lease) }

// askTogether is how many leases are asked for at the same time.
const askTogether = 16

// askTTLs fills in what is left of all leases that the objects name. Each is asked for once; one that the store does not tell of stays
// unknown.
func askTTLs[T object](lessor kv.Lessor, objects []T) {
	ttls := make(map[leaseID]*float64)
	for _, o := range objects {
		o.askTTLs(func(id leaseID) *float64 {
			if id != kv.NoLeaseId {
				ttls[id] = nil
			}
			return nil
		})
	}
	ids := make(chan leaseID, len(ttls))
	for id := range ttls {
		ids <- id
	}
	close(ids)
	var mu sync.Mutex // guards ttls
	var asking sync.WaitGroup
	for range min(askTogether, len(ttls)) {
		asking.Go(func() {
			for id := range ids {
				l, err := lessor.GetLease(kv.LeaseId(id))
				if err != nil {
					continue
				}
				left := max(0, l.TTL().Seconds())
				mu.Lock()
				ttls[id] = &left
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	for _, o := range objects {
		o.askTTLs(func(id leaseID) *float64 { return ttls[id] })
	}
}
