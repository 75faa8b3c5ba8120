package otelcoord

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// instruments are all that is measured. docs/observing.md lists them, and a test compares the two.
type instruments struct {
	storageCalls metric.Float64Histogram
	storageWaits metric.Int64UpDownCounter

	leaseGrants  metric.Float64Histogram
	leaseLate    metric.Int64Counter
	leaseDelays  metric.Float64Histogram
	leaseLosses  metric.Int64Counter
	waiting      metric.Int64UpDownCounter
	waits        metric.Float64Histogram
	queueLengths metric.Int64Histogram
	handOvers    metric.Int64Counter
	held         metric.Int64UpDownCounter
	holds        metric.Float64Histogram
	holdLosses   metric.Int64Counter

	registered    metric.Int64UpDownCounter
	registrations metric.Float64Histogram
	instanceLoss  metric.Int64Counter
	viewsLive     metric.Int64UpDownCounter
	viewsStale    metric.Int64UpDownCounter
}

// Bounds of histograms: a call to the store takes a millisecond or less; a wait or a hold may take hours.
var (
	shortly = metric.WithExplicitBucketBoundaries(.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)
	longer  = metric.WithExplicitBucketBoundaries(.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
	lengths = metric.WithExplicitBucketBoundaries(0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
)

// make makes them all.
func (i *instruments) make(m metric.Meter) error {
	mk := maker{m: m}
	mk.seconds(&i.storageCalls, "coord.storage.call.duration", shortly, "Time of calls to the store, but for waits and watches.")
	mk.gauge(&i.storageWaits, "coord.storage.waits", "{wait}", "Waits and watches that are open at the store now.")

	mk.seconds(&i.leaseGrants, "coord.lease.grant.duration", shortly, "Time to get a lease.")
	mk.counter(&i.leaseLate, "coord.lease.late", "{lease}", "Leases of which half the time has gone without a renewal.")
	mk.seconds(&i.leaseDelays, "coord.lease.renewal.delay", longer, "Time between two renewals where it was more than half of the lease's.")
	mk.counter(&i.leaseLosses, "coord.lease.losses", "{lease}", "Leases that were lost.")

	mk.gauge(&i.waiting, "coord.waiters", "{waiter}", "Calls that ask for something and have it not yet.")
	mk.seconds(&i.waits, "coord.wait.duration", longer, "Time from the call that asks to what comes of it.")
	mk.lengths(&i.queueLengths, "coord.queue.length", "{entry}", "How many stood in the line before who joined it, holders included.")
	mk.counter(&i.handOvers, "coord.handovers", "{handover}", "What was acquired from somebody before in the line.")
	mk.gauge(&i.held, "coord.holds", "{hold}", "What is held now.")
	mk.seconds(&i.holds, "coord.hold.duration", longer, "Time for which something was held.")
	mk.counter(&i.holdLosses, "coord.hold.losses", "{hold}", "What was lost before it was given back.")

	mk.gauge(&i.registered, "coord.registry.instances", "{instance}", "Instances of this process that are registered now.")
	mk.seconds(&i.registrations, "coord.registry.register.duration", longer, "Time to register an instance, at first or after a loss.")
	mk.counter(&i.instanceLoss, "coord.registry.losses", "{instance}", "Instances that were lost, to be registered again.")
	mk.gauge(&i.viewsLive, "coord.registry.views.live", "{view}", "Views that hear of the store.")
	mk.gauge(&i.viewsStale, "coord.registry.views.stale", "{view}", "Views that do not any more, and serve what they knew.")
	return mk.err
}

// maker makes instruments, and keeps the errors.
type maker struct {
	m   metric.Meter
	err error
}

func (mk *maker) seconds(to *metric.Float64Histogram, name string, bounds metric.HistogramOption, text string) {
	h, err := mk.m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(text), bounds)
	*to, mk.err = h, errors.Join(mk.err, err)
}

func (mk *maker) lengths(to *metric.Int64Histogram, name, unit, text string) {
	h, err := mk.m.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(text), lengths)
	*to, mk.err = h, errors.Join(mk.err, err)
}

func (mk *maker) gauge(to *metric.Int64UpDownCounter, name, unit, text string) {
	c, err := mk.m.Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
	*to, mk.err = c, errors.Join(mk.err, err)
}

func (mk *maker) counter(to *metric.Int64Counter, name, unit, text string) {
	c, err := mk.m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(text))
	*to, mk.err = c, errors.Join(mk.err, err)
}
