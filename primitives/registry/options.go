package registry

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// What Options mean where they say nothing.
const (
	DefaultTTL      = 15 * time.Second
	DefaultMaxSize  = 4 << 10
	DefaultHoldFor  = 30 * time.Second
	DefaultDebounce = 250 * time.Millisecond
	DefaultLinger   = 30 * time.Second

	// MaxSize is the greatest Options.MaxSize.
	MaxSize = 64 << 10
)

// Options are the settings of a registry. Nil and zero fields mean the defaults.
type Options struct {
	// TTL is how long an instance stays in the store after its process has died; default DefaultTTL. A backend rounds up what it cannot do.
	TTL time.Duration
	// OnDuplicate is what Register does when another instance has the ID; default [Fail].
	OnDuplicate DuplicatePolicy
	// Check, if not nil, decides whether the instances that this registry registers are Serving or NotServing.
	Check *Check
	// MaxSize bounds an instance's record, in bytes of JSON; default DefaultMaxSize, at most MaxSize. Each change of an instance is sent to
	// all who watch its service.
	MaxSize int
	// Owner tells operators which process registered an instance. Zero fields are filled with this process's host, program and pid.
	Owner session.Owner

	// HoldFor is for how long a view goes on showing instances that have gone from the store without a farewell, when more than
	// half of the service, and two at least, or all of it goes so within this time: that is rather a fault of the store, or of the
	// network, than of each of them. While a view is Stale that time does not pass. Default DefaultHoldFor; negative: not at all. An
	// announced leave is never held back.
	HoldFor time.Duration
	// Debounce is the least time between two snapshots of one view, but for the first change after a quiet time, which is shown at
	// once; and how long one that is gone without a farewell is given to come back, but no more than 100 ms if the store is a
	// kv.RangeWatcher. Default DefaultDebounce; negative: none.
	Debounce time.Duration
	// Linger is how long a view that nobody uses any more goes on watching, for the next one to use; default DefaultLinger, negative: not
	// at all.
	Linger time.Duration

	// Logger hears of losses and of what fails in the background; default silent.
	Logger *slog.Logger
	// OnEvent is told of each change of a registration's phase, and of each view that hears of the store or does not any more: the kinds of
	// session.Event from session.Registered on. It is called synchronously by the goroutine that keeps the registration or the view, by many
	// at once, never while a lock of this module is held, and after the change: Register may have returned by then. What it takes keeps
	// that goroutine from its work, so it must neither block nor call the registry. Nil costs nothing.
	OnEvent func(session.Event)
}

// DuplicatePolicy says what happens when the ID of an instance to be registered is that of another, registered by a process that is, or
// may be, alive. One that has said farewell is never in the way.
type DuplicatePolicy int

const (
	// Fail returns a *DuplicateError at once.
	Fail DuplicatePolicy = iota
	// WaitExpiry waits until the other one has gone, at most twice the TTL, and then fails as Fail does. It is for IDs that outlive a
	// process, such as the name of a pod that was restarted after a crash.
	WaitExpiry
	// Replace takes the other one out of the store, by ending its lease. If that is alive still, it is told, see [State], and comes
	// back when the ID is free again. Two that are alive and both replace do so to each other for ever.
	Replace
)

// Check is how an instance finds out by itself whether it can work.
type Check struct {
	// Run returns nil if the instance can work. Its ctx ends after Timeout, and when the registration is closed. The close waits for
	// it, so it must not close the registration itself.
	Run func(ctx context.Context, i Instance) error
	// Every is the time between two runs; default 5 seconds. Timeout is how long one may take; default Every.
	Every, Timeout time.Duration
	// Rise is how many runs in a row make the instance Serving, and Fall how many failures in a row make it NotServing; default 1
	// and 3. An instance that was registered as Serving is it until then. One that is Draining stays so.
	Rise, Fall int
}

// withDefaults returns the settings in force, or kv.ErrInvalid.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	out.Owner = out.Owner.WithDefaults()
	out.TTL = cmp.Or(out.TTL, DefaultTTL)
	out.MaxSize = cmp.Or(out.MaxSize, DefaultMaxSize)
	out.HoldFor = max(0, cmp.Or(out.HoldFor, DefaultHoldFor))
	out.Debounce = max(0, cmp.Or(out.Debounce, DefaultDebounce))
	out.Linger = max(0, cmp.Or(out.Linger, DefaultLinger))
	out.Logger = cmp.Or(out.Logger, slog.New(slog.DiscardHandler))
	switch {
	case out.TTL < 0:
		return out, fmt.Errorf("%w: registry TTL %v is negative", kv.ErrInvalid, out.TTL)
	case out.MaxSize < 0 || out.MaxSize > MaxSize:
		return out, fmt.Errorf("%w: registry record size %d is not within 1 and %d", kv.ErrInvalid, out.MaxSize, MaxSize)
	case out.OnDuplicate < Fail || out.OnDuplicate > Replace:
		return out, fmt.Errorf("%w: unknown duplicate policy %d", kv.ErrInvalid, out.OnDuplicate)
	}
	if out.Check != nil {
		check, err := out.Check.withDefaults()
		if err != nil {
			return out, err
		}
		out.Check = &check
	}
	return out, nil
}

func (c Check) withDefaults() (Check, error) {
	c.Every = cmp.Or(c.Every, 5*time.Second)
	c.Timeout = cmp.Or(c.Timeout, c.Every)
	c.Rise = cmp.Or(c.Rise, 1)
	c.Fall = cmp.Or(c.Fall, 3)
	switch {
	case c.Run == nil:
		return c, fmt.Errorf("%w: check without a function to run", kv.ErrInvalid)
	case c.Every < 0 || c.Timeout < 0 || c.Rise < 0 || c.Fall < 0:
		return c, fmt.Errorf("%w: check with a negative setting", kv.ErrInvalid)
	}
	return c, nil
}
