//go:build unix

package local

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	pollFirst = time.Millisecond
	pollLast  = 20 * time.Millisecond
)

// errLocked says that another process has the lock.
var errLocked = errors.New("locked by another process")

// tryLock opens the file at path, creating it, and locks it with how, LOCK_SH or LOCK_EX. It returns errLocked if another
// process is in the way. Closing the file gives the lock back. The lock is on the file that path leads to now: not on one
// that was removed meanwhile, which would keep nobody out.
func tryLock(path string, how int) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		err = flock(f, how|unix.LOCK_NB)
		if err == nil && sameFile(f, path) {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
}

// lock waits for tryLock to succeed, until ctx ends.
func lock(ctx context.Context, path string, how int) (*os.File, error) {
	for wait := pollFirst; ; wait = nextPoll(wait) {
		f, err := tryLock(path, how)
		if err == nil || !errors.Is(err, errLocked) {
			return f, err
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return errLocked
		default:
			return &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

// sameFile tells whether path still leads to f.
func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// pause sleeps for wait, or until ctx ends.
func pause(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait/2 + rand.N(wait))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func nextPoll(wait time.Duration) time.Duration { return min(2*wait, pollLast) }
