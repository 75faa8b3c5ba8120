//go:build unix

package local

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// idleInterval is how often a server with the given idle time looks whether it is still needed.
func idleInterval(idle time.Duration) time.Duration {
	return min(max(idle/10, 2*time.Millisecond), time.Second)
}

// traceable is what a store tells of its use; *devserver.Server does.
type traceable interface {
	Leases(ctx context.Context) (int, error)
	Revision() int64
}

// tracker knows when the server was last needed. It belongs to one goroutine.
type tracker struct {
	paths layout
	etcd  traceable

	busy     time.Time // when it was last seen to be needed
	revision int64     // of the store, then
	touched  time.Time // modification time of use, then: clients set it when they come
}

func newTracker(paths layout, etcd traceable) tracker {
	t := tracker{paths: paths, etcd: etcd, busy: time.Now()}
	t.traces()
	return t
}

// unneeded returns the flock use, exclusive, if the server was not needed for the idle time: nobody shared the flock,
// nothing was written, no lease lived. Whoever would come now waits for the flock, so nobody is left with a server that
// is about to end. It returns nil if the server is needed.
func (t *tracker) unneeded(now time.Time, idle time.Duration) *os.File {
	if t.traces() {
		t.busy = now
	}
	use, err := tryLock(t.paths.use(), unix.LOCK_EX)
	if err != nil { // shared, or not to be had: then it is not for us to say that nobody is there
		t.busy = now
		return nil
	}
	// Once more, now that nobody can come.
	if t.traces() {
		t.busy = now
	}
	if now.Sub(t.busy) < idle {
		use.Close()
		return nil
	}
	return use
}

// traces tells whether the store was written to, has leases, or was visited since the last call. Writes are seen by the
// revision: the count of applied entries would also grow by etcd's own compactions and keep the server for ever.
func (t *tracker) traces() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	leases, err := t.etcd.Leases(ctx)
	found := leases > 0 || err != nil

	if rev := t.etcd.Revision(); rev != t.revision {
		t.revision = rev
		found = true
	}
	if info, err := os.Stat(t.paths.use()); err == nil && !info.ModTime().Equal(t.touched) {
		t.touched = info.ModTime()
		found = true
	}
	return found
}
