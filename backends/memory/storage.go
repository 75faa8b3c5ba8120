package memory

import (
	"context"
	"sync"

	"github.com/coordkit/coord/kv"
)

// Options are the settings of a store. There are none so far; nil is as good as the zero value.
type Options struct{}

// Storage is a handle on a store in memory. All methods are safe for concurrent use.
type Storage struct {
	d         *data
	closed    chan struct{}
	closeOnce sync.Once

	// The fields below are guarded by d.mu.
	cut  bool
	back chan struct{}       // closed when the handle is connected again; made when it is cut
	kept map[*lease]struct{} // the live leases that this handle renews
}

var (
	_ kv.Storage  = (*Storage)(nil)
	_ kv.Appender = (*Storage)(nil)
)

// New returns a handle on a new, empty store. Close it when it is of no more use.
func New(_ *Options) *Storage { return newData().connect() }

// Connect returns another handle on the same store, connected and with keep-alives of its own, as another process has. It is closed on
// its own.
func (s *Storage) Connect() *Storage { return s.d.connect() }

func (d *data) connect() *Storage {
	return &Storage{d: d, closed: make(chan struct{}), kept: make(map[*lease]struct{})}
}

// SetConnected cuts the handle off from the store, or connects it again. Cut off, calls fail with kv.ErrUnavailable, waits that
// stand stall, and hear after the reconnection what happened meanwhile; and its keep-alives go unanswered, so its leases run out a
// TTL after the cut. One that has not run out when the handle is connected again lives on.
func (s *Storage) SetConnected(connected bool) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	switch {
	case connected == !s.cut:
		return
	case connected:
		s.cut = false
		close(s.back)
		for l := range s.kept {
			l.renewForeverLocked()
		}
	default:
		s.cut = true
		s.back = make(chan struct{})
		for l := range s.kept {
			l.runOutLocked(l.ttl)
		}
	}
	s.d.rearmLocked()
}

// Close ends the handle: calls and waits return kv.ErrClosed, and its leases are renewed no more, so that they run out a TTL from now.
// The data and other handles stay. It returns nil, and may be repeated.
func (s *Storage) Close() error {
	s.closeOnce.Do(func() {
		s.d.mu.Lock()
		defer s.d.mu.Unlock()
		close(s.closed)
		for l := range s.kept {
			if !s.cut {
				l.runOutLocked(l.ttl)
			}
		}
		clear(s.kept)
		s.d.rearmLocked()
	})
	return nil
}

// begin checks what every call checks, in the contract's order, and returns with d.mu held unless it returns an error. invalid is what
// the arguments are guilty of.
func (s *Storage) begin(ctx context.Context, invalid error) error {
	if invalid != nil {
		return invalid
	}
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	s.d.mu.Lock()
	err := ctx.Err()
	switch {
	case s.isClosed():
		err = kv.ErrClosed
	case err == nil && s.cut:
		err = kv.ErrUnavailable
	}
	if err != nil {
		s.d.mu.Unlock()
	}
	return err
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

// Create implements kv.Storage.
func (s *Storage) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	if err := s.begin(ctx, r.Validate()); err != nil {
		return 0, opError("create", r.Key, err)
	}
	defer s.d.mu.Unlock()
	v, err := s.d.createLocked(r)
	return v, opError("create", r.Key, err)
}

// Get implements kv.Storage.
func (s *Storage) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	if err := s.begin(ctx, key.Validate()); err != nil {
		return kv.Record{}, opError("get", key, err)
	}
	defer s.d.mu.Unlock()
	it, ok := s.d.items[key]
	if !ok {
		return kv.Record{}, opError("get", key, kv.ErrNotFound)
	}
	return it.record(), nil
}

// GetRange implements kv.Storage.
func (s *Storage) GetRange(ctx context.Context, startKey, endKey kv.Key) (kv.Records, error) {
	if err := s.begin(ctx, nil); err != nil {
		return nil, opError("get range", startKey, err)
	}
	defer s.d.mu.Unlock()
	records := kv.Records{}
	s.d.eachLocked(startKey, endKey, func(it *item) { records = append(records, it.record()) })
	return records, nil
}

// CasByVersion implements kv.Storage.
func (s *Storage) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	if err := s.begin(ctx, r.Validate()); err != nil {
		return 0, opError("cas", r.Key, err)
	}
	defer s.d.mu.Unlock()
	v, err := s.d.casLocked(r)
	return v, opError("cas", r.Key, err)
}

// Delete implements kv.Storage.
func (s *Storage) Delete(ctx context.Context, key kv.Key) error {
	if err := s.begin(ctx, key.Validate()); err != nil {
		return opError("delete", key, err)
	}
	defer s.d.mu.Unlock()
	it, ok := s.d.items[key]
	if !ok {
		return opError("delete", key, kv.ErrNotFound)
	}
	s.d.removeLocked(it)
	return nil
}

// Append implements kv.Appender.
func (s *Storage) Append(ctx context.Context, r kv.Record, startKey, endKey kv.Key) (kv.Version, kv.Record, int, error) {
	if err := s.begin(ctx, r.Validate()); err != nil {
		return 0, kv.Record{}, 0, opError("append", r.Key, err)
	}
	defer s.d.mu.Unlock()
	v, err := s.d.createLocked(r)
	if err != nil {
		return v, kv.Record{}, 0, opError("append", r.Key, err)
	}
	ahead := 0
	var newest *item
	s.d.eachLocked(startKey, endKey, func(it *item) {
		if it.key == r.Key {
			return
		}
		ahead++
		if newest == nil || it.created > newest.created {
			newest = it
		}
	})
	if newest == nil {
		return v, kv.Record{}, 0, nil
	}
	return v, newest.record(), ahead, nil
}
