package httplb

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// Host returns what stands for a service in a URL: its name, with every byte but ASCII letters, digits and - _ . ~ as = and two
// hexadecimal digits. A URL's own escapes are not allowed in a host.
func Host(service string) string {
	var b strings.Builder
	for i := range len(service) {
		if c := service[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0
}

// serviceOf returns the service that a URL is about, or kv.ErrInvalid.
func serviceOf(u *url.URL) (string, error) {
	if u == nil {
		return "", fmt.Errorf("%w: request without a URL", kv.ErrInvalid)
	}
	if strings.Contains(u.Host, ":") {
		return "", fmt.Errorf("%w: host %q has a port; instances have their own", kv.ErrInvalid, u.Host)
	}
	parts := strings.Split(u.Host, "=")
	name := parts[0]
	for _, part := range parts[1:] {
		if len(part) < 2 {
			return "", fmt.Errorf("%w: host %q: = without two digits", kv.ErrInvalid, u.Host)
		}
		c, err := strconv.ParseUint(part[:2], 16, 8)
		if err != nil {
			return "", fmt.Errorf("%w: host %q: %w", kv.ErrInvalid, u.Host, err)
		}
		name += string([]byte{byte(c)}) + part[2:]
	}
	return name, registry.ValidateService(name)
}
