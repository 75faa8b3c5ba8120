package registry

// Filter chooses instances. Write one for whatever the ones here do not choose.
type Filter func(*Instance) bool

// passes reports whether i passes all filters.
func passes(i *Instance, filters []Filter) bool {
	for _, f := range filters {
		if !f(i) {
			return false
		}
	}
	return true
}

// ServingOnly chooses instances that take work.
func ServingOnly(i *Instance) bool { return i.Status == Serving }

// InZone chooses instances of a zone.
func InZone(zone string) Filter { return func(i *Instance) bool { return i.Zone == zone } }

// OfVersion chooses instances of a version.
func OfVersion(version string) Filter { return func(i *Instance) bool { return i.Version == version } }

// Tag chooses instances with a tag.
func Tag(tag string) Filter { return func(i *Instance) bool { return i.HasTag(tag) } }

// Meta chooses instances whose metadata has the value under the key.
func Meta(key, value string) Filter {
	return func(i *Instance) bool { v, ok := i.Metadata[key]; return ok && v == value }
}

// WithEndpoint chooses instances that have an endpoint of that name.
func WithEndpoint(name string) Filter {
	return func(i *Instance) bool { _, ok := i.Endpoint(name); return ok }
}

// Not chooses what a filter does not.
func Not(f Filter) Filter { return func(i *Instance) bool { return !f(i) } }
