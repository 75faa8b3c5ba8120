package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
)

// Registration keeps an instance in the store until it is closed: whatever becomes of the store, of the lease or of the record,
// the instance comes back with its current data, as often as it takes. [State] tells how it stands. All methods are safe for
// concurrent use.
//
// Each registration has a lease of its own, and one goroutine that makes all of its writes. The methods say what is to be written
// and wait until that goroutine has; so no write of an older state can come after that of a newer one, and none after the
// farewell.
type Registration struct {
	r           *Registry
	service, id string
	key         kv.Key
	base        record // what its record says of the registration itself: incarnation, owner, since. Never changes.

	life context.Context // ends when Close, or a withdrawal, begins
	die  context.CancelFunc
	poke chan struct{} // holds one when there is something new to write
	turn chan struct{} // holds one while somebody edits
	done chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, whenever something below changes
	wanted  Instance      // as Register and Update have it
	gen     uint64        // counts the changes of wanted
	written uint64        // the last one that the store, and the epoch, have

	// What is known of the record in the store.
	version kv.Version
	lease   kv.LeaseId
	ordered bool

	phase    Phase
	since    time.Time // the phase's
	fault    error     // why the phase is what it is, or why the last write has failed
	verdict  Status    // the check's; empty before the first
	checkErr error     // its last error
	state    State     // the last one told
	rev      uint64    // counts those

	closing   bool
	withdrawn bool          // closing without a farewell: it was never registered
	settled   bool          // result is final
	result    error         // the farewell's
	closed    chan struct{} // made by the first Close, closed when that has its result
	closeErr  error         // that result
}

// Register registers the instance i, and returns once the store has it and readers can learn of it. From then on it is registered
// until the registration, or the registry, is closed. An empty ID is replaced by a random one.
//
// It makes four calls, however many register at once: it grants a lease, creates the record, and then reads the service's epoch and
// changes it. A second after its last write a fifth begins in the background, which stands for as long as nobody touches the record:
// the wait through which the registration learns that somebody else does.
//
// An outage of the store is waited out. If ctx ends before the instance is registered, the error satisfies ctx.Err() and carries
// what the store said last; the instance is withdrawn in the background, together with whatever of it may still arrive in the
// store. Register returns at once: kv.ErrInvalid or kv.ErrTooLarge for an instance out of bounds, a *DuplicateError if another
// one has the ID, see [DuplicatePolicy], kv.ErrClosed if the registry or the storage is closed, and what the store says if it
// refuses, for want of a right, say. (Once registered, refusals are waited out, too.) If success and the end of ctx come together,
// success counts.
func (r *Registry) Register(ctx context.Context, i Instance) (*Registration, error) {
	i = i.Clone()
	if i.ID == "" {
		i.ID = randomHex()
	}
	g, err := r.begin(ctx, i)
	if err == nil {
		err = g.awaitJoin(ctx)
	}
	if err != nil {
		return nil, &Error{Op: "register", Service: i.Service, ID: i.ID, Err: err}
	}
	return g, nil
}

// begin checks the instance, and starts its registration.
func (r *Registry) begin(ctx context.Context, i Instance) (*Registration, error) {
	if err := kv.ValidateContext(ctx); err != nil {
		return nil, err
	}
	if r.invalid != nil {
		return nil, r.invalid
	}
	i.complete()
	if err := i.validate(); err != nil {
		return nil, err
	}
	g := r.newRegistration(i)
	if err := g.fits(i); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, kv.ErrClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	r.registrations[g] = struct{}{}
	go newKeeper(g).run()
	return g, nil
}

func (r *Registry) newRegistration(i Instance) *Registration {
	owner := r.opts.Owner
	g := &Registration{
		r: r, service: i.Service, id: i.ID, key: instanceKey(i.Service, i.ID),
		base: record{
			Format: format, Incarnation: randomHex(), Since: time.Now().UTC(),
			Owner: owner.Name, Host: owner.Host, PID: owner.PID, Program: owner.Program,
		},
		poke: make(chan struct{}, 1), turn: make(chan struct{}, 1), done: make(chan struct{}), changed: make(chan struct{}),
		wanted: i, gen: 1, phase: Joining, since: time.Now(),
	}
	g.life, g.die = context.WithCancel(context.Background())
	g.state, g.rev = g.stateLocked(), 1
	return g
}

// randomHex returns 128 random bits.
func randomHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// complete fills in what is empty, and empties what is for readers only.
func (i *Instance) complete() {
	if i.Status == "" {
		i.Status = Serving
	}
	if i.Weight == 0 {
		i.Weight = DefaultWeight
	}
	*i = Instance{
		Service: i.Service, ID: i.ID, Endpoints: i.Endpoints, Status: i.Status, Version: i.Version, Zone: i.Zone, Weight: i.Weight,
		Tags: i.Tags, Metadata: i.Metadata, Payload: i.Payload,
	}
}

// fits returns kv.ErrTooLarge if the instance's record would be larger than Options.MaxSize.
func (g *Registration) fits(i Instance) error {
	d := g.base
	d.describe(i)
	value, err := d.encode()
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", kv.ErrInvalid, err)
	case len(value) > g.r.opts.MaxSize:
		return fmt.Errorf("%w: instance record of %d bytes, at most %d", kv.ErrTooLarge, len(value), g.r.opts.MaxSize)
	}
	return nil
}

// awaitJoin returns when the instance is registered for the first time, or cannot be. If ctx ends it is withdrawn.
func (g *Registration) awaitJoin(ctx context.Context) error {
	for {
		g.mu.Lock()
		over := ctx.Err()
		if over != nil && g.phase == Joining && !g.closing {
			g.withdrawLocked(over)
		}
		phase, closing, withdrawn, fault, changed := g.phase, g.closing, g.withdrawn, g.fault, g.changed
		g.mu.Unlock()
		switch {
		case withdrawn:
			return fault
		case closing:
			return kv.ErrClosed
		case phase != Joining:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// withdrawLocked closes a registration that never came to be, for the reason why: there is nobody to say farewell to.
func (g *Registration) withdrawLocked(why error) {
	if g.fault != nil {
		why = fmt.Errorf("%w: %w", why, g.fault)
	}
	g.fault, g.closing, g.withdrawn = why, true, true
	g.die()
	g.tellLocked()
}

// Instance returns the instance as it is to be, in the caller's own copy. The fields for readers are filled in as far as the
// store has it.
func (g *Registration) Instance() Instance {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.wanted.Clone()
	i.Status = g.state.Status
	i.Key, i.Revision, i.Lease, i.Ordered = g.key, g.version, g.lease, g.ordered
	i.Owner, i.Since = g.r.opts.Owner, g.base.Since
	return i
}

func (g *Registration) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, Service: g.service, ID: g.id, Err: err}
}
