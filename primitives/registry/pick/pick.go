package pick

import (
	"math/rand/v2"
	"slices"

	"github.com/coordkit/coord/primitives/registry"
)

// Picker chooses one of the instances of a snapshot. All methods are safe for concurrent use.
//
// A picker keeps what it has worked out for the last snapshot that it was given. While that is the same, Pick allocates
// nothing; a new one costs once what the whole set is long. So use one picker for one view, and give it what
// [registry.View.Snapshot] returns at the moment of each pick.
type Picker interface {
	// Pick chooses one of the instances of s that take work. nil is the snapshot of a service of which nothing is known.
	//
	// It returns a [*NoneError], which is [ErrNone], if there is none to choose, and [kv.ErrInvalid] if the picker was made
	// with settings out of bounds. It never blocks on anything but the locks of the picker.
	Pick(s *registry.Snapshot) (Pick, error)
}

// Pick is an instance that was chosen for one piece of work. It is a value: making and passing it on allocates nothing.
type Pick struct {
	// Instance is the one to send the work to. It is shared with the snapshot and must not be changed.
	Instance *registry.Instance

	load  *load // where the work is counted; nil if the picker does not want to know
	start int64 // when the work began, on the clock of the load's picker
}

// Done tells the picker that the work is over, and how: nil if the instance has done it, [context.Canceled] if the caller has
// given it up, any other error if it failed. It must be called once for each successful Pick of a [P2C], or the instance seems
// busy for ever; with every other picker it does nothing, so that whoever takes any picker simply calls it. It does nothing on
// the zero Pick.
func (p Pick) Done(err error) {
	if p.load != nil {
		p.load.done(p.start, err)
	}
}

// Options are the settings that pickers have in common. Nil and zero fields mean the defaults.
type Options struct {
	// Filters leave out instances that do not pass all of them. They are asked once for each instance of each new snapshot, and
	// must depend on the instance alone.
	Filters []registry.Filter
	// FailOpen makes do with instances that have said they cannot take work, if no other is there: with those that are
	// NotServing if none is Serving, for their own checks may be wrong about all of them at once; and with those that are
	// Draining if there are only such. One that is Starting is never chosen. By default only those Serving are.
	FailOpen bool
	// Rand is where chance comes from, for those pickers that need it; it is used by one goroutine at a time. Default: the
	// generator of package math/rand/v2, which is seeded at random, and does not make goroutines wait for each other.
	Rand rand.Source
}

// withDefaults returns the settings in force, none of which is shared with the caller.
func (o *Options) withDefaults() Options {
	if o == nil {
		return Options{}
	}
	out := *o
	out.Filters = slices.Clone(o.Filters)
	return out
}
