package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/bridge"
)

// closeTimeout bounds what gives back when the caller's ctx cannot: because it is over already.
const closeTimeout = 5 * time.Second

// Session holds one lease for a process and all that is held under it. All methods are safe for concurrent use.
//
// It has three states: without a lease (at first, and after a loss once the old lease is known to be gone), with one, and
// closed. A use in the first state grants a lease.
type Session struct {
	st      kv.Storage
	opts    Options
	invalid error // why the options are out of bounds; every use returns it

	granting chan struct{}   // holds one token; who has it may grant a lease
	life     context.Context // ends when Close begins
	die      context.CancelFunc
	closed   chan struct{} // closed when Close has ended, after closeErr is written
	closeErr error

	mu  sync.Mutex
	cur *tenure // the last one granted, alive or lost; nil before the first
}

// New returns a session on st. It does no I/O: the lease is granted at first use. Options out of bounds are kv.ErrInvalid from
// every use. Close gives everything back; a session that was never used needs no Close.
func New(st kv.Storage, opts *Options) *Session {
	s := &Session{
		st:       st,
		granting: make(chan struct{}, 1),
		closed:   make(chan struct{}),
	}
	s.life, s.die = context.WithCancel(context.Background())
	s.opts, s.invalid = opts.withDefaults()
	if st == nil {
		s.invalid = fmt.Errorf("%w: session without a storage", kv.ErrInvalid)
	}
	return s
}

// Ready grants the lease if there is none, and returns nil once there is: a readiness probe. It returns kv.ErrInvalid for
// options out of bounds, kv.ErrClosed after Close, ctx.Err() if ctx ends first, or the store's error.
func (s *Session) Ready(ctx context.Context) error {
	_, err := s.tenure(ctx)
	return err
}

// LeaseID returns the lease that the session has now, or kv.NoLeaseId if it has none: it was not used yet, lost its lease, or
// was closed. It makes no call.
func (s *Session) LeaseID() kv.LeaseId {
	t := s.current()
	if t == nil || !t.alive() {
		return kv.NoLeaseId
	}
	return t.lease.Id()
}

// Owner returns who holds what is held under this session, with the defaults filled in.
func (s *Session) Owner() Owner { return s.opts.Owner }

// Close ends every hold with ErrReleased, and then gives back the lease and with it every key of the session in one step, so
// that whoever waits can go on at once. Uses that wait, and all later ones, return kv.ErrClosed.
//
// It returns nil once the store has confirmed or the lease has run out. ctx bounds the wait only, and if it is over already 5
// seconds do: then its error satisfies kv.ErrUncertain, and the release goes on in the background until the lease is over.
// A repeat returns the first result. The storage stays open.
func (s *Session) Close(ctx context.Context) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	ctx, cancel := givingBack(ctx)
	defer cancel()

	s.mu.Lock()
	first := s.life.Err() == nil
	s.die()
	s.mu.Unlock()
	uncertain := func() error { return fmt.Errorf("close session: %w: %w", kv.ErrUncertain, ctx.Err()) }
	if !first {
		select {
		case <-s.closed:
			return s.closeErr
		case <-ctx.Done():
			return uncertain()
		}
	}

	defer close(s.closed)
	select {
	case s.granting <- struct{}{}: // kept: nobody grants any more
	case <-ctx.Done():
		s.closeErr = uncertain()
		return s.closeErr
	}
	t := s.current()
	if t == nil {
		return nil
	}
	t.end(fmt.Errorf("%w: session closed", ErrReleased))
	select {
	case <-t.finished:
	case <-ctx.Done():
		s.closeErr = uncertain()
	}
	return s.closeErr
}

// givingBack returns the ctx that bounds a call which gives back: ctx itself, or a fresh one of 5 seconds if it is over.
func givingBack(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
}

// tenure returns the present tenure, or grants one. One goroutine grants at a time; the others wait for it and take what it
// got. A lost tenure stands in the way until its lease is known to be gone: two leases of one session never
// overlap, so that nothing of the old life can be taken for the new one's.
func (s *Session) tenure(ctx context.Context) (*tenure, error) {
	if err := kv.ValidateContext(ctx); err != nil {
		return nil, err
	}
	if s.invalid != nil {
		return nil, s.invalid
	}
	for {
		t := s.current()
		switch {
		case s.isClosing():
			return nil, fmt.Errorf("session: %w", kv.ErrClosed)
		case ctx.Err() != nil:
			return nil, fmt.Errorf("session: %w", ctx.Err())
		case t != nil && t.alive():
			return t, nil
		}
		if t != nil {
			if err := s.await(ctx, t.finished); err != nil {
				return nil, err
			}
		}
		select {
		case s.granting <- struct{}{}:
		case <-ctx.Done():
			continue
		case <-s.life.Done():
			continue
		}
		start := time.Now()
		granted, err := s.grant(ctx, t)
		<-s.granting
		if err != nil {
			return nil, fmt.Errorf("session: %w", err)
		}
		if granted {
			s.emit(Event{Kind: LeaseGranted, Took: time.Since(start)})
		}
	}
}

// grant replaces the tenure old, which is over, unless another goroutine did, and reports whether it was this one.
func (s *Session) grant(ctx context.Context, old *tenure) (bool, error) {
	if s.current() != old {
		return false, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)() // Close does not wait for a grant that nobody will use
	lease, err := s.st.Lessor().NewLease(ctx, s.opts.TTL, true)
	if s.isClosing() && err != nil {
		return false, fmt.Errorf("%w: %w", kv.ErrClosed, err)
	}
	if err != nil {
		return false, err
	}
	t := newTenure(s, lease)
	s.mu.Lock()
	s.cur = t
	s.mu.Unlock()
	t.start()
	if s.isClosing() {
		// Close waits for this grant to end, and may have given up; nobody has used the tenure.
		t.end(fmt.Errorf("%w: session closed", ErrReleased))
		return false, kv.ErrClosed
	}
	return true, nil
}

func (s *Session) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("session: the lost lease is not given back yet: %w", ctx.Err())
	case <-s.life.Done():
		return fmt.Errorf("session: %w", kv.ErrClosed)
	}
}

func (s *Session) current() *tenure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur
}

func (s *Session) isClosing() bool { return s.life.Err() != nil }

// inside is the side of a session that the primitives see, over the bridge.
type inside struct{ s *Session }

func init() {
	// The one hook of the bridge, typed there as any because a package cannot import its importer.
	bridge.Inside = func(s any) bridge.Session {
		if s, ok := s.(*Session); ok && s != nil {
			return inside{s}
		}
		return nil
	}
}

func (i inside) Storage() kv.Storage { return i.s.st }

func (i inside) Tenure(ctx context.Context) (bridge.Tenure, error) {
	t, err := i.s.tenure(ctx)
	if err != nil {
		return nil, err // and no non-nil interface around a nil tenure
	}
	return t, nil
}

// errGone says that a release has nothing left to do.
func errGone(err error) bool { return err == nil || errors.Is(err, kv.ErrWrongLeaseId) }
