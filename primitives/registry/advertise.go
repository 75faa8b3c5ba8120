package registry

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/coordkit/coord/kv"
)

// Advertise returns host:port at which others can dial a listener whose address is a, for an [Endpoint]. A listener on a certain
// host is at that host. One on all of them, such as ":0", is at the first address of this machine, in the order of its
// interfaces, that is neither loopback nor local to one link: an IPv4 address if there is one, and otherwise an IPv6 one, unless
// it listens on IPv4 only.
//
// Only the caller can know better on a machine with several networks, or behind a translation of addresses. It returns
// kv.ErrInvalid for what has no host and port, and an error if the machine has no such address.
func Advertise(a net.Addr) (string, error) {
	if a == nil {
		return "", fmt.Errorf("%w: advertise no address", kv.ErrInvalid)
	}
	local, err := localAddrs()
	if err != nil {
		return "", fmt.Errorf("advertise %s: %w", a, err)
	}
	return advertised(a.String(), local)
}

// advertised is Advertise on a machine with the local addresses.
func advertised(listener string, local []netip.Addr) (string, error) {
	host, port, err := net.SplitHostPort(listener)
	if err != nil {
		return "", fmt.Errorf("%w: advertise %q: %w", kv.ErrInvalid, listener, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%w: advertise %q: no port that others can dial", kv.ErrInvalid, listener)
	}
	all, err := netip.ParseAddr(host)
	if host != "" && (err != nil || !all.IsUnspecified()) {
		return listener, nil
	}
	var found netip.Addr
	for _, a := range local {
		switch a = a.Unmap(); {
		case !a.IsGlobalUnicast():
		case a.Is4():
			return net.JoinHostPort(a.String(), port), nil
		case !found.IsValid() && !all.Is4():
			found = a
		}
	}
	if !found.IsValid() {
		return "", fmt.Errorf("advertise %q: this machine has no address that others could dial", listener)
	}
	return net.JoinHostPort(found.String(), port), nil
}

// localAddrs returns the addresses of the interfaces that are up and not loopback.
func localAddrs() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var local []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it may have gone since
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				local = append(local, p.Addr())
			}
		}
	}
	return local, nil
}
