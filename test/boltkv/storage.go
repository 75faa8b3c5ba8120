package boltkv

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/coordkit/coord/kv"
)

// Options are the settings of a store; nil is as good as the zero value.
type Options struct {
	// NoSync leaves it to the system when to write to the disk, so a crash of the machine may cost the file. It is for tests.
	NoSync bool
}

// Storage is a handle on a store in a file.
type Storage struct {
	d     *store
	open  context.Context // until Close
	close func() error
}

var _ kv.Storage = (*Storage)(nil)

// store is an open file and what the handles on it share.
type store struct {
	db     *bbolt.DB
	failed atomic.Bool // a commit failed: nobody knows what the file holds, until it is opened again

	mu      sync.Mutex // held for each write, from its transaction until those who wait for it are told
	handles int
	leases  map[kv.LeaseId]*lease // those in the file
	timer   *time.Timer           // rings when the next lease is due
	waits   map[kv.Key]map[*wait]struct{}
}

// Open opens the file at path, or begins a new store there, and ends the leases that have run out since it was closed. It waits a
// second for a process that has the file open. The file is closed with the last handle.
func Open(path string, opts *Options) (*Storage, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: time.Second, NoSync: o.NoSync, NoGrowSync: o.NoSync, NoFreelistSync: o.NoSync,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d := &store{db: db, leases: make(map[kv.LeaseId]*lease), waits: make(map[kv.Key]map[*wait]struct{})}
	if err := d.begin(); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return d.handle(), nil
}

// Connect returns another handle on the same store, with keep-alives of its own, as another process has. It fails with kv.ErrClosed
// if the file is closed.
func (s *Storage) Connect() (*Storage, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if s.d.handles == 0 {
		return nil, kv.ErrClosed
	}
	return s.d.handle(), nil
}

// handle returns another handle. Its caller holds mu, or is the only one.
func (d *store) handle() *Storage {
	d.handles++
	open, end := context.WithCancel(context.Background())
	return &Storage{d: d, open: open, close: sync.OnceValue(func() error {
		end() // wakes the waits; the keep-alives look at it
		return d.leave()
	})}
}

// Close ends the handle: its calls and waits return kv.ErrClosed, and its leases are renewed no more, but stay until they run out.
// It may be repeated, and returns the same each time.
func (s *Storage) Close() error { return s.close() }

// leave closes the file after the last handle. What the timer has begun is over then, for it holds mu.
func (d *store) leave() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.handles--; d.handles > 0 {
		return nil
	}
	d.timer.Stop()
	return d.db.Close()
}

// check checks what every call checks, in the contract's order: the arguments from the first to the last, invalid being what is wrong
// with those after ctx; the handle; whether ctx is over; and only then the store.
func (s *Storage) check(ctx context.Context, invalid error) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	switch {
	case invalid != nil:
		return invalid
	case s.open.Err() != nil:
		return kv.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case s.d.failed.Load():
		return kv.ErrUnavailable
	}
	return nil
}

// opError says what failed on which key; nil stays nil.
func opError(op string, key kv.Key, err error) error {
	if err == nil {
		return nil
	}
	return &kv.OpError{Op: op, Key: key, Err: err}
}
