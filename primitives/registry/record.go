package registry

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/fields"
	"github.com/coordkit/coord/primitives/session"
)

// format is the number of the instance record's format.
const format = 1

// record is an instance's record, as JSON on the store. Fields that a writer does not know are kept.
type record struct {
	Format    int               `json:"format"`
	Status    Status            `json:"status"`
	Endpoints []Endpoint        `json:"endpoints,omitempty"`
	Version   string            `json:"version,omitempty"`
	Zone      string            `json:"zone,omitempty"`
	Weight    int               `json:"weight,omitempty"`
	Tags      []string          `json:"tags,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Payload   json.RawMessage   `json:"payload,omitempty"`
	// Incarnation names the registration that the record is of, so that it knows its own.
	Incarnation string `json:"incarnation"`
	// Ordered is what an operator wants the status to be, over what the instance says.
	Ordered Status    `json:"ordered,omitempty"`
	Since   time.Time `json:"since"`
	Owner   string    `json:"owner,omitempty"`
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid,omitempty"`
	Program string    `json:"program,omitempty"`

	stored kv.Value // what it was read from, for the fields that are unknown here
}

// known are the fields of a record.
var known = fields.Of[record]()

func decodeRecord(r kv.Record) (record, error) {
	var d record
	if err := json.Unmarshal(r.Value, &d); err != nil {
		return record{}, &RecordError{Key: r.Key, Err: err}
	}
	if d.Format != format {
		return record{}, &RecordError{Key: r.Key, Err: fmt.Errorf("unknown format %d", d.Format)}
	}
	d.stored = r.Value
	return d, nil
}

// encode writes the record with the fields that came with it from the store and are not its own.
func (d record) encode() (kv.Value, error) {
	d.Format = format
	own, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return known.Merge(own, d.stored)
}

// describe takes over what the instance says of itself.
func (d *record) describe(i Instance) {
	d.Status, d.Endpoints, d.Version, d.Zone, d.Weight = i.Status, i.Endpoints, i.Version, i.Zone, i.Weight
	d.Tags, d.Metadata, d.Payload = i.Tags, i.Metadata, i.Payload
}

// instance is what readers are told.
func (d record) instance(service, id string, r kv.Record) *Instance {
	// What has no address, as a hand may write it, is no way to reach an instance; whoever calls would have to look at each.
	dialled := slices.DeleteFunc(slices.Clone(d.Endpoints), func(e Endpoint) bool { return e.Address == "" })
	i := &Instance{
		Service: service, ID: id, Endpoints: dialled, Status: d.Status, Version: d.Version, Zone: d.Zone,
		Weight: cmp.Or(max(d.Weight, 0), DefaultWeight), Tags: d.Tags, Metadata: d.Metadata, Payload: d.Payload,
		Key: r.Key, Revision: r.Version, Lease: r.Lease, Since: d.Since,
		Owner: session.Owner{Name: d.Owner, Host: d.Host, PID: d.PID, Program: d.Program},
	}
	if d.Ordered == Draining && d.Status != left {
		i.Status, i.Ordered = Draining, true
	}
	return i
}
