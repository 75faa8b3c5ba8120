package grpcresolver

import (
	"errors"
	"fmt"
	"net/url"

	"google.golang.org/grpc/resolver"

	"github.com/coordkit/coord/primitives/registry"
)

// target is what a connection is made to.
type target struct {
	service  string
	endpoint string // the name of the endpoints; empty for that of an instance's first one
	filters  []registry.Filter
}

func parseTarget(of resolver.Target) (target, error) {
	u := of.URL
	t := target{service: of.Endpoint(), filters: []registry.Filter{registry.ServingOnly}}
	switch {
	case u.Host != "" || u.User != nil:
		return t, errors.New("it has an authority; the form is coord:///service")
	case u.Fragment != "":
		return t, errors.New("it has a fragment; escape the #")
	case u.Opaque != "": // coord:service, which is not unescaped
		service, err := url.PathUnescape(t.service)
		if err != nil {
			return t, err
		}
		t.service = service
	}
	if err := registry.ValidateService(t.service); err != nil {
		return t, err
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return t, err
	}
	for key, values := range query {
		for n, value := range values {
			if value == "" || n > 0 && key != "tag" {
				return t, fmt.Errorf("it says %q without a value, or twice", key)
			}
			if err := t.narrow(key, value); err != nil {
				return t, err
			}
		}
	}
	return t, nil
}

// narrow takes in one pair of the query.
func (t *target) narrow(key, value string) error {
	switch key {
	case "endpoint":
		t.endpoint = value
	case "tag":
		t.filters = append(t.filters, registry.Tag(value))
	case "zone":
		t.filters = append(t.filters, registry.InZone(value))
	case "version":
		t.filters = append(t.filters, registry.OfVersion(value))
	default:
		return fmt.Errorf("%q is none of endpoint, tag, zone and version", key)
	}
	return nil
}

// addresses returns where an instance is dialled; none if it has no endpoint of the name.
func (t *target) addresses(i *registry.Instance) []resolver.Address {
	first, ok := i.Endpoint(t.endpoint)
	if !ok {
		return nil
	}
	var out []resolver.Address
	for _, e := range i.Endpoints {
		if e.Name == first.Name {
			out = append(out, resolver.Address{Addr: e.Address})
		}
	}
	return out
}
