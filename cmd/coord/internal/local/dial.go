//go:build unix

package local

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// spawnTries bounds how many servers one call starts that say they are ready and are gone when it connects.
const spawnTries = 3

// errAbsent says that no server answers.
var errAbsent = errors.New("no server answers")

// dial connects, starting a server if there is none, until ctx ends.
func (s *Store) dial(ctx context.Context) (net.Conn, error) {
	spawned := 0
	for wait := pollFirst; ; wait = nextPoll(wait) {
		if err := s.share(ctx); err != nil {
			return nil, err
		}
		conn, err := s.connect(ctx)
		if err == nil || !errors.Is(err, errAbsent) {
			return conn, err
		}
		// Waiting for the lock is no more than this loop: whoever has it makes a server appear, which the next
		// round finds, lock or no lock.
		start, err := tryLock(s.paths.start(), unix.LOCK_EX)
		switch {
		case err == nil:
			if spawned++; spawned > spawnTries {
				start.Close()
				return nil, unavailable(nil, "%d servers started and ended at once; see %s", spawnTries, s.paths.log())
			}
			conn, err := s.startServer(ctx, start)
			if err == nil || !errors.Is(err, errAbsent) {
				return conn, err
			}
		case !errors.Is(err, errLocked) && !errors.Is(err, os.ErrNotExist):
			return nil, misconfigured(err, "cannot lock in the state directory")
		}
		if err := pause(ctx, wait); err != nil {
			return nil, unavailable(err, "the server was not ready in time")
		}
	}
}

// startServer connects once more, now that nobody else can be starting a server, and starts one. It takes over the lock.
func (s *Store) startServer(ctx context.Context, start *os.File) (net.Conn, error) {
	// Closed, never unlocked: the lock belongs to the open file, which the new server shares until it is ready.
	defer start.Close()
	conn, err := s.connect(ctx)
	if err == nil || !errors.Is(err, errAbsent) {
		return conn, err
	}
	if err := s.spawn(ctx, start); err != nil {
		return nil, err
	}
	return s.connect(ctx)
}

// connect dials the socket that the ready server has named. It returns errAbsent if there is none, or nobody listens.
func (s *Store) connect(ctx context.Context) (net.Conn, error) {
	path, err := s.paths.readPointer()
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		s.mu.Lock()
		s.path = path
		s.mu.Unlock()
		return conn, nil
	case ctx.Err() != nil:
		return nil, unavailable(ctx.Err(), "cannot connect to %s", path)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return nil, misconfigured(err, "cannot connect to the server")
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOTDIR),
		errors.Is(err, unix.ENOTSOCK), errors.Is(err, unix.EPROTOTYPE), errors.Is(err, unix.EINVAL):
		return nil, errAbsent
	case errors.Is(err, unix.EAGAIN): // its queue of connections is full: it is there
		if err := pause(ctx, pollLast); err != nil {
			return nil, unavailable(err, "cannot connect to %s", path)
		}
		return s.connect(ctx)
	default:
		return nil, unavailable(err, "cannot connect to the server")
	}
}

// readPointer returns the socket that the ready server has named, or errAbsent if there is none.
func (l layout) readPointer() (string, error) {
	text, err := os.ReadFile(l.pointer())
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return "", errAbsent
	case err != nil:
		return "", misconfigured(err, "cannot read the state directory")
	}
	path, whole := strings.CutSuffix(string(text), "\n")
	if !whole || !filepath.IsAbs(path) || !fits(path) {
		return "", errAbsent // not written by a server
	}
	return path, nil
}

// writePointer names the socket in one step.
func (l layout) writePointer(socket string) error {
	tmp := l.pointer() + ".new"
	if err := os.WriteFile(tmp, []byte(socket+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, l.pointer())
}
