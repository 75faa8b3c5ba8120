package registry

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// DefaultWeight is the weight of an instance that names none.
const DefaultWeight = 100

// Instance is one running copy of a service, as it describes itself. [Registry.Register] takes one; readers get them as part of a
// [Snapshot], where they are shared and must not be changed.
type Instance struct {
	// Service is the service's name and ID the instance's, unique in the service: each 1 to 255 bytes of UTF-8 without control
	// characters, and together not so long, where they have much that a key escapes, that the key would be too long. An empty ID is
	// replaced by a random one; give one where an instance keeps it over a restart.
	Service, ID string
	// Endpoints are where it can be reached, at most [MaxEndpoints]; none is allowed.
	Endpoints []Endpoint
	// Status is whether it takes work; empty means Serving.
	Status Status
	// Version is the program's version and Zone where it runs: for people, filters and pickers.
	Version, Zone string
	// Weight is its share of the work relative to the others: 1 to [MaxWeight], zero means DefaultWeight. One that is to get no
	// work is Draining.
	Weight int
	// Tags are words to filter by, Metadata are pairs for people and filters.
	Tags     []string
	Metadata map[string]string
	// Payload is whatever else the service tells its clients, as JSON. See [SetPayload] and [Payload].
	Payload json.RawMessage

	// What follows is filled in for readers, and ignored by Register and Update.

	// Key is the instance's key in the store, and Revision the version of its record: it changes with each update.
	Key      kv.Key
	Revision kv.Version
	// Lease is the lease that it lives under.
	Lease kv.LeaseId
	// Owner is the process that registered it, and Since when, by its own clock.
	Owner session.Owner
	Since time.Time
	// Ordered says that an operator has drained it, see [Registry.Drain]; its Status is Draining then.
	Ordered bool
	// Held says that it has gone from the store without a farewell, in a way that looks like a fault of the store or the network
	// rather than its own, and is shown a while longer. See [Options.HoldFor].
	Held bool
}

// Endpoint is one way to reach an instance.
type Endpoint struct {
	// Name says what is served there, such as "grpc" or "metrics". Two of one name are two addresses of the same. It may be empty.
	Name string `json:"name,omitempty"`
	// Scheme is the URL scheme to use there, such as "https", or empty.
	Scheme string `json:"scheme,omitempty"`
	// Address is host:port, an IPv6 address in brackets.
	Address string `json:"address"`
}

// Endpoint returns the first endpoint called name, or the first of all if name is empty.
func (i *Instance) Endpoint(name string) (Endpoint, bool) {
	for _, e := range i.Endpoints {
		if name == "" || e.Name == name {
			return e, true
		}
	}
	return Endpoint{}, false
}

// HasTag reports whether the instance has the tag.
func (i *Instance) HasTag(tag string) bool { return slices.Contains(i.Tags, tag) }

// Clone returns a copy that shares nothing with i.
func (i *Instance) Clone() Instance {
	c := *i
	c.Endpoints = slices.Clone(i.Endpoints)
	c.Tags = slices.Clone(i.Tags)
	c.Metadata = maps.Clone(i.Metadata)
	c.Payload = slices.Clone(i.Payload)
	return c
}

// SetPayload stores v in the instance as JSON.
func SetPayload[T any](i *Instance, v T) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: payload: %w", kv.ErrInvalid, err)
	}
	i.Payload = b
	return nil
}

// Payload reads what SetPayload has stored; the zero T if there is no payload.
func Payload[T any](i *Instance) (T, error) {
	var v T
	if len(i.Payload) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(i.Payload, &v); err != nil {
		return v, fmt.Errorf("payload of instance %q of service %q: %w", i.ID, i.Service, err)
	}
	return v, nil
}
