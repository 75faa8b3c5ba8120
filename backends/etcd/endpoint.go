package etcd

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/coordkit/coord/kv"
)

// security is what an endpoint's scheme says about TLS.
type security int

const (
	optional  security = iota // no scheme, or unix: TLS if it is configured
	plain                     // http: never TLS
	encrypted                 // https, unixs: always TLS
)

// checkEndpoints validates the endpoints and tells what their schemes ask for. One connection pool serves them all with
// the same credentials, so that http beside https would mean that one of the two is not what it says.
func checkEndpoints(endpoints []string) (security, error) {
	if len(endpoints) == 0 {
		return optional, fmt.Errorf("%w: no endpoints", kv.ErrInvalid)
	}
	var all security
	for i, ep := range endpoints {
		sec, err := checkEndpoint(ep)
		if err != nil {
			return optional, fmt.Errorf("%w: endpoint %q: %w", kv.ErrInvalid, ep, err)
		}
		if i > 0 && sec != all {
			return optional, fmt.Errorf("%w: endpoints %q and %q differ in scheme, and one connection serves both",
				kv.ErrInvalid, endpoints[0], ep)
		}
		all = sec
	}
	return all, nil
}

// checkEndpoint validates one endpoint: host:port, http(s)://host:port, or unix(s):path.
func checkEndpoint(ep string) (security, error) {
	if ep == "" {
		return optional, fmt.Errorf("empty")
	}
	for _, scheme := range []string{"unix", "unixs"} {
		rest, ok := strings.CutPrefix(ep, scheme+":")
		if !ok {
			continue
		}
		if strings.TrimPrefix(rest, "//") == "" {
			return optional, fmt.Errorf("no path")
		}
		if scheme == "unixs" {
			return encrypted, nil
		}
		return optional, nil
	}
	if !strings.Contains(ep, "://") {
		return optional, checkHostPort(ep)
	}
	u, err := url.Parse(ep)
	if err != nil {
		return optional, err
	}
	sec := plain
	switch u.Scheme {
	case "http":
	case "https":
		sec = encrypted
	default:
		return optional, fmt.Errorf("unknown scheme %q, want http, https, unix or unixs", u.Scheme)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
		return optional, fmt.Errorf("more than scheme, host and port")
	}
	return sec, checkHostPort(u.Host)
}

// checkHostPort wants a port: there is no default that all etcd servers share with what a connection would dial.
func checkHostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return err
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("no usable port in %q", s)
	}
	return nil
}
