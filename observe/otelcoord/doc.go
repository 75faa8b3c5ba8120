// Package otelcoord makes traces and metrics of OpenTelemetry of what this module does: of every call to the store, of every wait for a
// lock, a semaphore or a leadership, of what is held and lost, and of registrations and views.
//
//	o, err := otelcoord.New(nil) // the global providers
//	st := o.Storage(store)
//	s := session.New(st, o.Session(nil))
//	r := registry.New(st, o.Registry(nil))
//
// docs/observing.md lists the metrics with their units and attributes, and the spans.
//
// It stands on the hooks that the other packages have (kv/instrument, session.Options, registry.Options), imports the API of OpenTelemetry
// and no SDK, and is imported by none of them: who does not use it neither links nor downloads any of it.
package otelcoord
