package grpcresolver

import (
	"fmt"
	"slices"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/coordkit/coord/primitives/registry"
)

// Info is what a balancer is told of the instance behind an endpoint.
type Info struct {
	ID, Zone, Version string
	// Weight is its share of the work relative to the others.
	Weight int
}

// infoKey is the key of an Info among the attributes of an endpoint.
type infoKey struct{}

// Equal reports whether other is an Info that says the same. Package attributes uses it.
func (i Info) Equal(other any) bool {
	o, ok := other.(Info)
	return ok && i == o
}

// String is for gRPC's traces.
func (i Info) String() string {
	return fmt.Sprintf("%s zone=%q version=%q weight=%d", i.ID, i.Zone, i.Version, i.Weight)
}

// FromEndpoint returns what is known of the instance behind an endpoint; false if the endpoint is not of this package, or gRPC
// has rebuilt it to lead through a proxy, which drops the attributes.
func FromEndpoint(e resolver.Endpoint) (Info, bool) {
	i, ok := e.Attributes.Value(infoKey{}).(Info)
	return i, ok
}

// endpoints is what gRPC is told of a snapshot, in the order of the IDs.
func (t *target) endpoints(s *registry.Snapshot) []resolver.Endpoint {
	out := []resolver.Endpoint{}
	for _, i := range s.Select(t.filters...) {
		if addresses := t.addresses(i); len(addresses) > 0 {
			info := Info{ID: i.ID, Zone: i.Zone, Version: i.Version, Weight: i.Weight}
			out = append(out, resolver.Endpoint{Addresses: addresses, Attributes: attributes.New(infoKey{}, info)})
		}
	}
	return out
}

// state is what gRPC is told. The addresses are there too, for balancers that do not know of endpoints.
func state(endpoints []resolver.Endpoint) resolver.State {
	s := resolver.State{Endpoints: endpoints}
	for _, e := range endpoints {
		s.Addresses = append(s.Addresses, e.Addresses...)
	}
	return s
}

func equal(a, b []resolver.Endpoint) bool {
	return slices.EqualFunc(a, b, func(a, b resolver.Endpoint) bool {
		return a.Attributes.Equal(b.Attributes) && slices.EqualFunc(a.Addresses, b.Addresses, resolver.Address.Equal)
	})
}
