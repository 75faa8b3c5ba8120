//go:build unix

package cli

import (
	"slices"
	"strings"
)

// environment is the child's: base with what it needs to know of its claim and to reach the same store. The names of files are handed on
// as they were given; passwords never: of a context its name is, by which a coord within finds the rest.
func environment(base, claim []string, st *store) []string {
	s := st.settings
	endpoints := strings.Join(s.Endpoints, ",")
	add := append(slices.Clip(claim), "COORD_ENDPOINTS="+endpoints, "ETCDCTL_ENDPOINTS="+endpoints)
	for _, f := range []struct{ name, value string }{{"CACERT", s.CACert}, {"CERT", s.Cert}, {"KEY", s.Key}, {"SERVER_NAME", s.ServerName}} {
		if f.value != "" {
			add = append(add, "COORD_"+f.name+"="+f.value, "ETCDCTL_"+f.name+"="+f.value)
		}
	}
	if st.context != "" {
		add = append(add, "COORD_CONTEXT="+st.context)
	}
	// What was there before goes, or it would depend on the reader which one counts.
	set := make(map[string]bool, len(add))
	for _, e := range add {
		name, _, _ := strings.Cut(e, "=")
		set[name] = true
	}
	if st.bare {
		for _, name := range connection {
			set["COORD_"+name], set["ETCDCTL_"+name] = true, true
		}
	}
	env := make([]string, 0, len(base)+len(add))
	for _, e := range base {
		if name, _, _ := strings.Cut(e, "="); !set[name] {
			env = append(env, e)
		}
	}
	return append(env, add...)
}

// connection are the variables, without their prefixes, that go with one store.
var connection = []string{"CACERT", "CERT", "KEY", "SERVER_NAME", "INSECURE_SKIP_TLS_VERIFY", "USER", "PASSWORD"}
