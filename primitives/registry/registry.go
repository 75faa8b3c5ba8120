package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// Registry registers instances of services in a store, and shows those that are there. All methods are safe for concurrent use. One
// for each storage is enough: views of one service share one watch.
type Registry struct {
	st      kv.Storage
	opts    Options
	invalid error // why the options are out of bounds; every use returns it

	mu            sync.Mutex
	closed        bool
	feeds         map[string]*feed // by service; those that are in use, and those that linger
	registrations map[*Registration]struct{}
	work          sync.WaitGroup // the feeds' goroutines; never added to once closed
}

// New returns a registry on st. It does no I/O. Options out of bounds are kv.ErrInvalid from every use. Close ends all that was
// begun through it; a registry that was never used needs no Close.
func New(st kv.Storage, opts *Options) *Registry {
	r := &Registry{st: st, feeds: make(map[string]*feed), registrations: make(map[*Registration]struct{})}
	r.opts, r.invalid = opts.withDefaults()
	if st == nil {
		r.invalid = fmt.Errorf("%w: registry without a storage", kv.ErrInvalid)
	}
	return r
}

// Close says farewell for every instance that was registered through it, as [Registration.Close] does, all at once, and ends every view.
// Uses that wait, and all later ones, return kv.ErrClosed. ctx bounds it as it does that of a registration, and the errors are joined.
// A repeat ends nothing more, and returns nil. The storage stays open.
func (r *Registry) Close(ctx context.Context) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return &Error{Op: "close", Err: err}
	}
	r.mu.Lock()
	r.closed = true
	feeds, registrations := r.feeds, r.registrations
	r.feeds, r.registrations = nil, nil
	r.mu.Unlock()

	var leaving sync.WaitGroup
	errs := make(chan error, len(registrations))
	for reg := range registrations {
		leaving.Go(func() { errs <- reg.Close(ctx) })
	}
	for _, f := range feeds {
		f.cancel()
	}
	leaving.Wait()
	r.work.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// tellHook tells the user's hook of what has happened.
func (r *Registry) tellHook(e session.Event) {
	if r.opts.OnEvent != nil {
		e.Primitive = "registry"
		r.opts.OnEvent(e)
	}
}

// usable returns why the registry cannot be used, if it cannot.
func (r *Registry) usable() error {
	if r.invalid != nil {
		return r.invalid
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return kv.ErrClosed
	}
	return nil
}
