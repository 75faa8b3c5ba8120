//go:build unix

package local

import (
	"context"
	"net"

	"golang.org/x/sys/unix"
)

// StartServer is what dial does once it has found no server and has the lock.
func (s *Store) StartServer(ctx context.Context) (net.Conn, error) {
	start, err := lock(ctx, s.paths.start(), unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	return s.startServer(ctx, start)
}
