//go:build unix

package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/primitives/registry"
)

func newServiceCmd(a *app) *cobra.Command {
	return group("service", "Show services and their instances, register one, and drain one",
		newServiceLsCmd(a), newServiceDescribeCmd(a), newServiceWatchCmd(a), newServiceRegisterCmd(a), newServiceDrainCmd(a))
}

// allServices is the prefix of all that services are made of.
const allServices = "coord/registry/"

// serviceView is a service.
type serviceView struct {
	Name       string           `json:"name"`
	Serving    int              `json:"serving"` // how many of the instances take work
	Instances  []instanceView   `json:"instances"`
	Unreadable []unreadableView `json:"unreadable"`
}

// instanceView is an instance, as it describes itself.
type instanceView struct {
	ID        string            `json:"id"`
	Key       string            `json:"key"`
	Revision  int64             `json:"revision"`
	Status    string            `json:"status"`
	Ordered   bool              `json:"ordered"` // an operator has drained it
	Held      bool              `json:"held"`    // it has gone without a farewell, together with many others
	Endpoints []endpointView    `json:"endpoints"`
	Version   string            `json:"version"`
	Zone      string            `json:"zone"`
	Weight    int               `json:"weight"`
	Tags      []string          `json:"tags"`
	Metadata  map[string]string `json:"metadata"`
	Payload   json.RawMessage   `json:"payload,omitempty"`
	leaseView
	ownerView
}

// endpointView is a way to reach an instance; its name and its scheme may be empty.
type endpointView struct {
	Name    string `json:"name"`
	Scheme  string `json:"scheme"`
	Address string `json:"address"`
}

// unreadableView is a record of an instance that cannot be read.
type unreadableView struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

func newServiceView(s *registry.Snapshot) *serviceView {
	v := &serviceView{Name: s.Service, Serving: s.Count(registry.ServingOnly), Instances: []instanceView{}, Unreadable: []unreadableView{}}
	for _, i := range s.Instances {
		v.Instances = append(v.Instances, newInstanceView(i))
	}
	for _, bad := range s.Bad {
		v.Unreadable = append(v.Unreadable, unreadableView{Key: string(bad.Key), Error: bad.Err.Error()})
	}
	return v
}

func newInstanceView(i *registry.Instance) instanceView {
	v := instanceView{
		ID: i.ID, Key: string(i.Key), Revision: int64(i.Revision), Status: string(i.Status), Ordered: i.Ordered, Held: i.Held,
		Endpoints: []endpointView{}, Version: i.Version, Zone: i.Zone, Weight: i.Weight,
		Tags: slices.Concat([]string{}, i.Tags), Metadata: map[string]string{}, Payload: i.Payload,
		leaseView: leaseView{Lease: leaseID(i.Lease)}, ownerView: newOwnerView(i.Owner, i.Since),
	}
	maps.Copy(v.Metadata, i.Metadata)
	for _, e := range i.Endpoints {
		v.Endpoints = append(v.Endpoints, endpointView(e))
	}
	return v
}

func (v *serviceView) id() string { return v.Name }

func (v *serviceView) askTTLs(f func(leaseID) *float64) {
	for i := range v.Instances {
		v.Instances[i].leaseView.askTTLs(f)
	}
}

// is is the status in a table, with who wants it so.
func (v instanceView) is() string {
	switch {
	case v.Held:
		return v.Status + " (held)"
	case v.Ordered:
		return v.Status + " (ordered)"
	}
	return v.Status
}

// addresses are the endpoints in a table, as --endpoint takes them.
func (v instanceView) addresses() string {
	var all []string
	for _, e := range v.Endpoints {
		all = append(all, e.String())
	}
	return orDash(strings.Join(all, ","))
}

// String is the endpoint as --endpoint takes it.
func (e endpointView) String() string {
	text := e.Address
	if e.Scheme != "" {
		text = e.Scheme + "://" + text
	}
	if e.Name != "" {
		text = e.Name + "=" + text
	}
	return text
}

// pairs is metadata in a table.
func pairs(m map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%s=%s", k, m[k]))
	}
	return orDash(strings.Join(all, ","))
}
