//go:build unix

package local

import (
	"errors"
	"os"
	"time"
)

// ownInterval is how often a server looks whether its files are still its own; it leaves within a second if not.
const ownInterval = 250 * time.Millisecond

// identity is what a server's paths led to when it became ready.
type identity struct{ dir, data, held, socket os.FileInfo }

func identify(paths layout, socket string, held *os.File) (identity, error) {
	var id identity
	var errs [4]error
	id.dir, errs[0] = os.Stat(paths.dir)
	id.data, errs[1] = os.Stat(paths.data())
	id.held, errs[2] = held.Stat()
	id.socket, errs[3] = os.Stat(socket)
	return id, errors.Join(errs[:]...)
}

// lost returns the first path that does not lead to this server's own file any more, "" if all do, and whether it is the
// data (or the lock that guards it) rather than only the way to the server. A path that cannot be looked at just now is
// not counted as lost.
func (id identity) lost(paths layout, socket string) (path string, data bool) {
	for _, f := range []struct {
		path string
		was  os.FileInfo
	}{{paths.dir, id.dir}, {paths.data(), id.data}, {paths.server(), id.held}} {
		if gone(f.path, f.was) {
			return f.path, true
		}
	}
	if gone(socket, id.socket) {
		return socket, false
	}
	if now, err := paths.readPointer(); errors.Is(err, errAbsent) || err == nil && now != socket {
		return paths.pointer(), false
	}
	return "", false
}

func (id identity) holdsDir(paths layout) bool { return id.dir != nil && !gone(paths.dir, id.dir) }

func (id identity) holdsSocket(socket string) bool {
	return id.socket != nil && !gone(socket, id.socket)
}

func gone(path string, was os.FileInfo) bool {
	now, err := os.Stat(path)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	return !os.SameFile(was, now)
}
