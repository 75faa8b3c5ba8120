package etcd

import (
	"errors"
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

// checkEndpoints validates the endpoints, and returns them as they are to be dialled and what their schemes ask for. One connection pool
// serves them all with the same credentials, which etcd's client takes from the first: so one without a scheme, or a socket, gets what the
// others say, and http beside https would mean that one of the two is not what it says.
func checkEndpoints(endpoints []string) ([]string, security, error) {
	if len(endpoints) == 0 {
		return nil, optional, fmt.Errorf("%w: no endpoints", kv.ErrInvalid)
	}
	all, says := optional, "" // what the schemes ask for, and the first endpoint that does
	for _, ep := range endpoints {
		sec, err := checkEndpoint(ep)
		switch {
		case err != nil:
			return nil, optional, fmt.Errorf("%w: endpoint %q: %w", kv.ErrInvalid, shown(ep), err)
		case sec == optional:
		case all == optional:
			all, says = sec, ep
		case sec != all:
			return nil, optional, fmt.Errorf("%w: endpoints %q and %q differ in scheme, and one connection serves both", kv.ErrInvalid, says, ep)
		}
	}
	dialled := make([]string, len(endpoints))
	for i, ep := range endpoints {
		dialled[i] = withScheme(ep, all)
	}
	return dialled, all, nil
}

// withScheme returns a valid endpoint under a scheme that asks for the same as the others.
func withScheme(ep string, all security) string {
	path, socket := strings.CutPrefix(ep, "unix:")
	switch {
	case all == encrypted && socket:
		return "unixs:" + path
	case all == optional, socket, strings.HasPrefix(ep, "unixs:"), strings.Contains(ep, "://"):
		return ep
	case all == encrypted:
		return "https://" + ep
	}
	return "http://" + ep
}

// shown is an endpoint without the password that somebody may have put in.
func shown(ep string) string {
	scheme, rest, ok := strings.Cut(ep, "://")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 || strings.HasPrefix(scheme, "unix") {
		return ep
	}
	return scheme + "://…" + rest[at:]
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
		return optional, errors.Unwrap(err) // the rest of it is the address
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
