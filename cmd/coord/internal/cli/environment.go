//go:build unix

package cli

import (
	"fmt"
	"strings"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/primitives/mutex"
)

// environment is the child's: base with what it needs to know of the lock and to reach the same store, in coord's and in etcdctl's names. The
// names of files are handed on as they were given; passwords never.
func environment(base []string, lock string, s etcd.Settings, h *mutex.Held) []string {
	endpoints := strings.Join(s.Endpoints, ",")
	add := []string{
		"COORD_LOCK_NAME=" + lock,
		fmt.Sprintf("COORD_LOCK_TOKEN=%d", h.Token()),
		"COORD_LOCK_KEY=" + string(h.Key()),
		fmt.Sprintf("COORD_LOCK_LEASE=%x", int64(h.Lease())),
		"COORD_ENDPOINTS=" + endpoints,
		"ETCDCTL_ENDPOINTS=" + endpoints,
		"ETCD_LOCK_KEY=" + string(h.Key()),
		fmt.Sprintf("ETCD_LOCK_REV=%d", h.Token()),
	}
	for _, f := range []struct{ name, value string }{{"CACERT", s.CACert}, {"CERT", s.Cert}, {"KEY", s.Key}} {
		if f.value != "" {
			add = append(add, "COORD_"+f.name+"="+f.value, "ETCDCTL_"+f.name+"="+f.value)
		}
	}
	// What was there before goes, or it would depend on the reader which one counts.
	set := make(map[string]bool, len(add))
	for _, e := range add {
		name, _, _ := strings.Cut(e, "=")
		set[name] = true
	}
	env := make([]string, 0, len(base)+len(add))
	for _, e := range base {
		if name, _, _ := strings.Cut(e, "="); !set[name] {
			env = append(env, e)
		}
	}
	return append(env, add...)
}
