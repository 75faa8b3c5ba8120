package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/coordkit/coord/kv"
)

// Options are the settings of a store. There are none so far; nil is as good as the zero value.
type Options struct{}

// Storage is a handle on a store in memory. All methods are safe for concurrent use.
type Storage struct {
	d         *data
	closed    chan struct{} // closed under d.mu
	closeOnce sync.Once

	// The fields below are guarded by d.mu.
	cut     bool
	back    chan struct{}       // closed when the handle is connected again; made when it is cut
	kept    map[*lease]struct{} // the live leases that this handle renews
	unheard map[*lease]struct{} // its leases that are over without its knowing
}

var (
	_ kv.Storage      = (*Storage)(nil)
	_ kv.Appender     = (*Storage)(nil)
	_ kv.PlaceReader  = (*Storage)(nil)
	_ kv.RangeWatcher = (*Storage)(nil)
)

// New returns a handle on a new, empty store. Close it when it is of no more use.
func New(_ *Options) *Storage { return newData().connect() }

// Connect returns another handle on the same store, connected and with keep-alives of its own, as another process has. It is closed on
// its own.
func (s *Storage) Connect() *Storage { return s.d.connect() }

func (d *data) connect() *Storage {
	return &Storage{
		d:       d,
		closed:  make(chan struct{}),
		kept:    make(map[*lease]struct{}),
		unheard: make(map[*lease]struct{}),
	}
}

// SetConnected cuts the handle off from the store, or connects it again. Cut off, calls fail with kv.ErrUnavailable; waits and
// watches that stand stall, and hear after the reconnection what happened meanwhile; and its keep-alives go unanswered, so its leases
// run out a TTL after the cut. One that has not run out when the handle is connected again lives on. Of the end of a lease by
// another hand, too, the handle learns only then, or when the TTL that it knows of is at zero.
func (s *Storage) SetConnected(connected bool) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	switch {
	case connected == !s.cut:
		return
	case connected:
		s.reconnectLocked()
	default:
		s.cut = true
		s.back = make(chan struct{})
		s.renewNoMoreLocked()
	}
	s.d.rearmLocked()
}

func (s *Storage) reconnectLocked() {
	// A lease whose end has come stays lost, even if the timer is late.
	for now := s.d.now(); s.d.expireOneLocked(now); {
	}
	s.cut = false
	close(s.back)
	for _, l := range slices.SortedFunc(maps.Keys(s.unheard), byGrant) {
		l.learnLocked()
	}
	for l := range s.kept {
		l.renewForeverLocked()
	}
}

func byGrant(a, b *lease) int { return cmp.Compare(a.id, b.id) }

// renewNoMoreLocked lets the leases that the handle renews run out from now.
func (s *Storage) renewNoMoreLocked() {
	for l := range s.kept {
		if l.place == renewed {
			l.runOutLocked()
		}
	}
}

// Close ends the handle: calls, waits and watches return kv.ErrClosed, and its leases are renewed no more, so that they run out a TTL
// from now. The data and other handles stay. It returns nil, and may be repeated.
func (s *Storage) Close() error {
	s.closeOnce.Do(func() {
		s.d.mu.Lock()
		defer s.d.mu.Unlock()
		close(s.closed)
		s.renewNoMoreLocked()
		clear(s.kept)
		s.d.rearmLocked()
	})
	return nil
}

// begin checks what every call checks, in the contract's order, and returns with d.mu held for writing unless it returns an
// error. invalid is what the arguments are guilty of.
func (s *Storage) begin(ctx context.Context, invalid error) error {
	over, err := arguments(ctx, invalid)
	if err != nil {
		return err
	}
	s.d.mu.Lock()
	if err := s.refusalLocked(over); err != nil {
		s.d.mu.Unlock()
		return err
	}
	return nil
}

// beginRead is begin with d.mu held for reading.
func (s *Storage) beginRead(ctx context.Context, invalid error) error {
	over, err := arguments(ctx, invalid)
	if err != nil {
		return err
	}
	s.d.mu.RLock()
	if err := s.refusalLocked(over); err != nil {
		s.d.mu.RUnlock()
		return err
	}
	return nil
}

// arguments checks the arguments, and returns over, the error of a ctx that has ended.
func arguments(ctx context.Context, invalid error) (over, err error) {
	if err := kv.ValidateContext(ctx); err != nil {
		return nil, err
	}
	if invalid != nil {
		return nil, invalid
	}
	return ctx.Err(), nil
}

func (s *Storage) refusalLocked(over error) error {
	switch {
	case s.isClosed():
		return kv.ErrClosed
	case over != nil:
		return over
	case s.cut:
		return kv.ErrUnavailable
	}
	return nil
}

func (s *Storage) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// opError says what failed on which key; nil stays nil.
func opError(op string, key kv.Key, err error) error {
	if err == nil {
		return nil
	}
	return &kv.OpError{Op: op, Key: key, Err: err}
}
