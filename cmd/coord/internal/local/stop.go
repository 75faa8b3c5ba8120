//go:build unix

package local

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrInUse is returned by Stop if somebody uses the store.
var ErrInUse = errors.New("the local store is in use")

// Stop asks the store's server to end, and waits until it has let go of the data. It returns its pid, or 0 if there was none.
//
// While somebody uses the store it returns an error that satisfies ErrInUse and does nothing, unless it is forced: then it waits until
// the server serves nobody any more, and whoever uses the store starts another one as soon as it needs it. Whoever comes while it is not forced waits. No process gets a signal but
// the one that has said that it is this store's server and, where the system can be asked, is this user's and listens at the store's socket. Every other error is an *Error; when ctx ended, it wraps ctx.Err().
func Stop(ctx context.Context, force bool) (pid int, err error) {
	paths, err := locate()
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(paths.dir); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if !force {
		use, err := tryLock(paths.use(), unix.LOCK_EX)
		switch {
		case errors.Is(err, errLocked):
			return 0, ErrInUse
		case err != nil:
			return 0, misconfigured(err, "cannot lock in the state directory")
		}
		defer use.Close()
	}
	for wait := pollFirst; taken(paths.server()); wait = nextPoll(wait) {
		if pid == 0 {
			if pid, err = paths.terminate(ctx); err != nil {
				return pid, err
			}
		}
		if force && pid != 0 {
			break // who has the data now may be the next one
		}
		if err := pause(ctx, wait); err != nil {
			return pid, paths.stays(err)
		}
	}
	return pid, nil
}

// terminate has the server that answers end, and returns its pid when it serves nobody any more; 0 if none answers, as when it is about to
// be ready, or to end.
func (l layout) terminate(ctx context.Context) (int, error) {
	conn, err := (&Store{paths: l}).connect(ctx)
	switch {
	case errors.Is(err, errAbsent):
		return 0, nil
	case err != nil:
		return 0, err
	}
	defer conn.Close()
	pid := l.serverAt(conn)
	if pid == 0 {
		return 0, unavailable(nil, "the process that has the socket is not known to be the server of %s", l.dir)
	}
	// It was there when it took the connection, a moment ago: its number is nobody else's yet.
	if err := unix.Kill(pid, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
		return 0, unavailable(err, "cannot end the server, process %d", pid)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	_, _ = io.Copy(io.Discard, conn)
	if ctx.Err() != nil {
		return pid, l.stays(ctx.Err())
	}
	return pid, nil
}

func (l layout) stays(err error) *Error {
	return unavailable(err, "the server does not end; see %s", l.log())
}
