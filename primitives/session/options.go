package session

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/coordkit/coord/kv"
)

// DefaultTTL is the lease's time to live unless Options says otherwise.
const DefaultTTL = 15 * time.Second

// Options are the settings of a session. Nil and zero fields mean the defaults.
type Options struct {
	// TTL is how long the store keeps what is held once it hears nothing more; default DefaultTTL. It is the time that
	// others wait after a crash. A backend rounds up what it cannot do (etcd: whole seconds, about 2 at least).
	TTL time.Duration
	// Margin is how long before the lease's end the holds end; default TTL/5. It is the time that work has to stop in,
	// and must be less than TTL.
	Margin time.Duration
	// Owner tells operators who holds something. Zero fields are filled with this process's host, program and pid.
	Owner Owner
	// Logger hears of losses and of what fails in the background; default silent.
	Logger *slog.Logger
	// OnEvent is told of each Event, when it has happened. It is called synchronously, on the goroutine of the call that is told of or,
	// for what happens by itself, on one of the session's; by many at once; and never while a lock of this module is held. What it takes is
	// added to the call, or to the session's next step, so it must not block: it may count and measure, but must not call
	// the store, the session or what is held under it. Events of one hold come in order; those of different ones do not. Nil costs nothing.
	OnEvent func(Event)
	// OnAsk is called when something is asked for, with the caller's ctx and an Event of kind Asked, under the rules of OnEvent. The ctx
	// that it returns is derived from the one given, goes on to the calls of the storage, and comes back as the Context of the events that
	// follow; so it can carry a span for the wait. Nil, also from it, leaves the ctx as it is. It is not given to what runs under the hold.
	OnAsk func(ctx context.Context, e Event) context.Context
}

// Owner is who holds something, as others see it. It is information only: nothing is decided by it.
type Owner struct {
	// Name is what to call the owner; default "<host>/<pid>".
	Name string
	// Host is the machine's name, Program the name of the executable, PID the process.
	Host, Program string
	PID           int
}

// withDefaults returns the settings in force, or kv.ErrInvalid.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	out.Owner = out.Owner.WithDefaults()
	out.Logger = cmp.Or(out.Logger, slog.New(slog.DiscardHandler))
	if out.TTL < 0 || out.Margin < 0 {
		return out, fmt.Errorf("%w: session TTL %v and margin %v must not be negative", kv.ErrInvalid, out.TTL, out.Margin)
	}
	out.TTL = cmp.Or(out.TTL, DefaultTTL)
	out.Margin = cmp.Or(out.Margin, out.TTL/5)
	if out.Margin >= out.TTL {
		return out, fmt.Errorf("%w: session margin %v is not less than its TTL %v", kv.ErrInvalid, out.Margin, out.TTL)
	}
	return out, nil
}

// WithDefaults returns o with its zero fields filled with this process's host, program and pid.
func (o Owner) WithDefaults() Owner {
	if o.Host == "" {
		// A host without a name is rare and no reason to fail: the owner is information only.
		o.Host, _ = os.Hostname()
	}
	o.Program = cmp.Or(o.Program, filepath.Base(os.Args[0]))
	o.PID = cmp.Or(o.PID, os.Getpid())
	o.Name = cmp.Or(o.Name, fmt.Sprintf("%s/%d", o.Host, o.PID))
	return o
}
