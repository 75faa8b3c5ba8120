//go:build unix

package local

import (
	"context"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// OwnInterval is how often a server looks whether its files are still its own.
const OwnInterval = ownInterval

// StartServer is what dial does once it has found no server and has the lock.
func (s *Store) StartServer(ctx context.Context) (net.Conn, error) {
	start, err := lock(ctx, s.paths.start(), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	return s.startServer(ctx, start)
}

// Visit is what of a client's coming and going a server can tell when it has not seen it.
func Visit(ctx context.Context) error {
	paths, err := locate()
	if err != nil {
		return err
	}
	s := &Store{paths: paths}
	return errors.Join(s.share(ctx), s.Close())
}

// Tracker is how a server knows whether it is needed, at times of the test's choosing.
type Tracker struct{ t tracker }

// NewTracker returns the one of a server that has been needed until now.
func NewTracker(etcd traceable, now time.Time) (*Tracker, error) {
	paths, err := locate()
	t := &Tracker{newTracker(paths, etcd)}
	t.t.busy = now
	return t, err
}

// Needed says whether a server with that idle time stays.
func (t *Tracker) Needed(now time.Time, idle time.Duration) bool {
	use := t.t.unneeded(now, idle)
	if use != nil {
		use.Close()
	}
	return use == nil
}
