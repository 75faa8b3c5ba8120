package promsd

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/coordkit/coord/primitives/registry"
)

// Options are the settings of a Handler. Nil and zero fields mean the defaults.
type Options struct {
	// Endpoint is the name of the endpoints to scrape; empty: that of the first endpoint that an instance has.
	Endpoint string
	// Filters choose the instances; default: all, whatever their status.
	Filters []registry.Filter
}

// Handler is an http.Handler that answers with the instances of some services. It is safe for concurrent use.
type Handler struct {
	opts  Options
	views []*registry.View
	once  sync.Once
}

var _ http.Handler = (*Handler)(nil)

// New returns a handler for these services, in the order given. It opens a view of each, which Close gives back, and does no
// I/O. A name out of bounds is answered with 503.
func New(r *registry.Registry, services []string, opts *Options) *Handler {
	h := &Handler{}
	if opts != nil {
		h.opts = *opts
	}
	for _, s := range services {
		h.views = append(h.views, r.View(s))
	}
	return h
}

// Close gives the views back. What is served afterwards is what is known last, see [registry.View.Close]. A repeat does nothing.
func (h *Handler) Close() {
	h.once.Do(func() {
		for _, v := range h.views {
			v.Close()
		}
	})
}

// ServeHTTP answers GET and HEAD with the list, see the package comment, and other methods with 405.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	groups := []group{} // and not null
	for _, v := range h.views {
		s := v.Snapshot()
		if s.Health == registry.Never {
			text := fmt.Sprintf("instances of service %q are not known yet", s.Service)
			if s.Err != nil {
				text += ": " + s.Err.Error()
			}
			http.Error(w, text, http.StatusServiceUnavailable)
			return
		}
		for _, i := range s.Select(h.opts.Filters...) {
			if g, ok := h.group(i); ok {
				groups = append(groups, g)
			}
		}
	}
	body, err := json.Marshal(groups)
	if err != nil { // strings always can be
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}

// group is a target group of Prometheus.
type group struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// group returns the instance's; false if it has no endpoint to scrape.
func (h *Handler) group(i *registry.Instance) (group, bool) {
	first, ok := i.Endpoint(h.opts.Endpoint)
	if !ok {
		return group{}, false
	}
	g := group{Labels: map[string]string{}}
	for _, e := range i.Endpoints {
		if e.Name == first.Name {
			g.Targets = append(g.Targets, e.Address)
		}
	}
	set := func(name, value string) { g.Labels["__meta_coord_"+name] = value }
	set("service", i.Service)
	set("id", i.ID)
	set("status", string(i.Status))
	set("version", i.Version)
	set("zone", i.Zone)
	set("weight", strconv.Itoa(i.Weight))
	set("endpoint", first.Name)
	set("scheme", first.Scheme)
	if len(i.Tags) > 0 {
		set("tags", ","+strings.Join(slices.Sorted(slices.Values(i.Tags)), ",")+",")
	}
	for _, key := range slices.Backward(slices.Sorted(maps.Keys(i.Metadata))) {
		set("metadata_"+labelName(key), i.Metadata[key])
	}
	return g, true
}

// labelName returns key with what no label can have replaced.
func labelName(key string) string {
	b := []byte(key)
	for i, c := range b {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			b[i] = '_'
		}
	}
	return string(b)
}
