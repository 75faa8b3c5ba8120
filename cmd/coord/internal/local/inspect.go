//go:build unix

package local

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Status is how the local store stands at a moment.
type Status struct {
	Dir      string    // where it keeps its data, its log and its locks
	Running  bool      // a server runs, or is about to be ready
	Endpoint string    // of the server's socket, "unix:///path"; empty if nobody answers there
	PID      int       // of the server; 0 if nobody answers, or the system does not tell
	Size     int64     // what its data takes, in bytes
	InUse    bool      // somebody holds a share in the store, see Open
	LastUse  time.Time // when the last one took it; zero: nobody ever did
}

// Inspect tells how the local store stands. It starts no server and creates nothing, and is no use of the store. Every error is an *Error.
func Inspect(ctx context.Context) (Status, error) {
	paths, err := locate()
	if err != nil {
		return Status{}, err
	}
	s := Status{Dir: paths.dir, Running: taken(paths.server()), InUse: taken(paths.use())}
	if info, err := os.Stat(paths.use()); err == nil {
		s.LastUse = info.ModTime()
	}
	s.Size = sizeOf(paths.data())
	client := &Store{paths: paths}
	conn, err := client.connect(ctx)
	if err != nil {
		if errors.Is(err, errAbsent) {
			err = nil
		}
		return s, err
	}
	defer conn.Close()
	s.Endpoint, s.PID = client.Endpoint(), paths.serverAt(conn)
	return s, nil
}

// taken tells whether another process has the flock at path, in whatever way. To find that out it takes it for a moment; who wants it then
// asks again.
func taken(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // it is not there: nobody has ever wanted it
	}
	defer f.Close()
	return errors.Is(flock(f, unix.LOCK_EX|unix.LOCK_NB), errLocked)
}

// sizeOf is how much the files under a directory have in them. Those that go meanwhile do not count.
func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// serverAt is the pid of the server at the other end of a connection, or 0: the one that the server wrote into the flock that it holds, if the
// system, where it can be asked, names the same as listening there, and as this user's.
func (l layout) serverAt(conn net.Conn) int {
	text, err := os.ReadFile(l.server())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return 0
	}
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	same := false
	_ = raw.Control(func(fd uintptr) {
		listener, told := listenerOf(int(fd))
		same = !told || listener == pid
	})
	if !same {
		return 0
	}
	return pid
}

// signServer writes this process's number into the flock, which it has.
func signServer(held *os.File) error {
	if err := held.Truncate(0); err != nil {
		return err
	}
	_, err := held.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}
