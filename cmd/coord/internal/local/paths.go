//go:build unix

package local

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	hashBytes = 10
	socketExt = ".sock"
)

// layout holds the paths of one store.
type layout struct{ dir string }

func (l layout) data() string    { return filepath.Join(l.dir, "etcd") }
func (l layout) log() string     { return filepath.Join(l.dir, "log") }
func (l layout) use() string     { return filepath.Join(l.dir, "use") }
func (l layout) server() string  { return filepath.Join(l.dir, "server") }
func (l layout) start() string   { return filepath.Join(l.dir, "start") }
func (l layout) pointer() string { return filepath.Join(l.dir, "socket") }

// locate returns the store's layout without touching anything.
func locate() (layout, error) {
	home, err := stateHome()
	if err != nil {
		return layout{}, err
	}
	machine, err := machineName()
	if err != nil {
		return layout{}, misconfigured(err, "neither a machine id nor a host name")
	}
	return layout{dir: filepath.Join(home, "coord", machine)}, nil
}

// stateHome follows the XDG base directory specification, by which a relative path counts as none.
func stateHome() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Clean(dir), nil
	}
	home := os.Getenv("HOME")
	if !filepath.IsAbs(home) { // cron and services may run without
		u, err := user.Current()
		if err != nil {
			return "", misconfigured(err, "no home directory; set HOME or XDG_STATE_HOME")
		}
		home = u.HomeDir
	}
	if !filepath.IsAbs(home) {
		return "", misconfigured(nil, "no home directory; set HOME or XDG_STATE_HOME")
	}
	return filepath.Join(home, ".local", "state"), nil
}

// What a machine id is written in, and a path that needs no quoting. These are no regular expressions, which every command would compile
// when it begins.
const (
	ofMachineID = "0123456789ABCDEFabcdef-"
	ofPlainPath = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/._+@=-"
)

// isOf tells whether text is written in these characters alone.
func isOf(text, characters string) bool { return text != "" && strings.Trim(text, characters) == "" }

// machineName names this host within a state home: its machine id, else its host name.
func machineName() (string, error) {
	if id := strings.TrimSpace(readMachineID()); len(id) >= 32 && len(id) <= 36 && isOf(id, ofMachineID) {
		return id, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	name = strings.Map(func(r rune) rune {
		if r == '/' || r < ' ' {
			return '_'
		}
		return r
	}, name)
	if strings.Trim(name, ".") == "" {
		return "", fmt.Errorf("host name %q cannot name a directory", name)
	}
	return name, nil
}

// create makes the store's directory, or checks the one that is there.
func (l layout) create() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return misconfigured(err, "cannot create the state directory; set XDG_STATE_HOME to another place")
	}
	if err := owned(l.dir); err != nil {
		return misconfigured(err, "cannot use the state directory; set XDG_STATE_HOME to another place")
	}
	return nil
}

// owned checks that path is a directory, no link, of this user.
func owned(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return fmt.Errorf("%s is not a directory", path)
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to uid %d, not to uid %d", path, st.Uid, os.Geteuid())
	}
	return nil
}

// private makes a directory for sockets, or checks that the one that is there is ours and closed to others.
func private(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := owned(path); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is open to others (mode %04o)", path, info.Mode().Perm())
	}
	return nil
}

// socket returns where the store's server should listen, in a directory that is there and closed to others.
func (l layout) socket() (string, error) {
	name, err := l.socketName()
	if err != nil {
		return "", err
	}
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		// Of this user: sudo and su hand on the variable of another one.
		path := filepath.Join(run, "coord", name)
		if fits(path) && owned(filepath.Clean(run)) == nil && private(filepath.Dir(path)) == nil {
			return path, nil
		}
	}
	var firstErr error
	for _, tmp := range []string{os.TempDir(), "/tmp"} {
		path := filepath.Join(tmp, fmt.Sprintf("coord-%d", os.Geteuid()), name)
		err := error(nil)
		if !filepath.IsAbs(path) || !fits(path) {
			err = fmt.Errorf("%s is too long for a socket, or not plain", path)
		} else {
			err = private(filepath.Dir(path))
		}
		if err == nil {
			return path, nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return "", misconfigured(firstErr, "no directory for the socket; set XDG_RUNTIME_DIR or TMPDIR")
}

// socketName is a hash of the data directory: of its path, and of what the path leads to, for two mount namespaces may
// have different directories at one path and one runtime directory between them.
func (l layout) socketName() (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(l.dir, &st); err != nil {
		return "", misconfigured(&os.PathError{Op: "stat", Path: l.dir, Err: err}, "cannot use the state directory")
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", l.dir, st.Dev, st.Ino))
	return hex.EncodeToString(sum[:hashBytes]) + socketExt, nil
}

// fits tells whether path can be a socket's, and can be written in an endpoint without quoting: lists of endpoints are
// separated by commas.
func fits(path string) bool {
	limit := 107 // what the kernel leaves of sun_path beside its closing zero
	if runtime.GOOS != "linux" {
		limit = 103
	}
	return len(path) <= limit && isOf(path, ofPlainPath)
}
