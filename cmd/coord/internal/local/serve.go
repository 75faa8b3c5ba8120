//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/devserver"
)

const (
	// leaveTimeout is how long a new server waits for one that still holds the data: that one leaves within a second if
	// the data or the socket is no longer its own, and needs a moment to stop.
	leaveTimeout = 5 * time.Second
	// logLimit is the size above which a log is put aside by the next server.
	logLimit = 1 << 20
	// usage is the exit code for a process that was started as a server by nobody who knows how.
	usage = 64
)

// server is the state of the process that runs the server.
type server struct {
	paths  layout
	socket string
	idle   time.Duration

	log    *os.File
	slog   *slog.Logger
	held   *os.File // flock server
	etcd   *devserver.Server
	mine   identity
	tracks tracker
}

// ServeMain is the whole life of the server process: args are the arguments after ServeCommand. It returns the exit code:
// 0 after leaving in good order, 64 if it was not started by a Store, else the code of the error it reported.
func ServeMain(args []string) int {
	s, ok := parseArgs(args)
	if !ok || !inherited(startFD) || !inherited(reportFD) {
		fmt.Fprintln(os.Stderr, "coord: the local server is started by other commands, not by hand")
		return usage
	}
	start, report := os.NewFile(startFD, "start"), os.NewFile(reportFD, "report")
	unix.CloseOnExec(startFD)
	unix.CloseOnExec(reportFD)
	unix.Umask(0o077)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)

	err := s.start(signals)
	// The report first: the starter still has the lock while it reads, so that others who would only get the same error
	// queue up behind it. If it is gone, nobody reads: no harm.
	_ = writeReport(report, err)
	report.Close()
	start.Close()
	if err != nil {
		s.removeSocket()
		return err.Code
	}
	return s.run(signals)
}

func parseArgs(args []string) (*server, bool) {
	if len(args) != 3 || !filepath.IsAbs(args[0]) || !filepath.IsAbs(args[1]) {
		return nil, false
	}
	idle, err := time.ParseDuration(args[2])
	return &server{paths: layout{dir: args[0]}, socket: args[1], idle: idle}, err == nil && idle > 0
}

// start does everything up to being ready. A signal gives it up.
func (s *server) start(signals <-chan os.Signal) *Error {
	if err := closeInherited(reportFD); err != nil {
		return unavailable(err, "cannot close inherited files")
	}
	if err := s.openLog(); err != nil {
		return misconfigured(err, "cannot open the server's log")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-done:
		}
	}()
	if err := s.hold(ctx); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	var err error
	if s.mine, err = identify(s.paths, s.socket, s.held); err == nil {
		err = s.paths.writePointer(s.socket)
	}
	if err != nil {
		return unavailable(err, "cannot name the server's socket")
	}
	s.tracks = newTracker(s.paths, s.etcd)
	return nil
}

// openLog opens the log, puts a long one aside, and has the runtime write there why it crashes, for nobody sees the
// process's standard error.
func (s *server) openLog() error {
	if info, err := os.Stat(s.paths.log()); err == nil && info.Size() > logLimit {
		if err := os.Rename(s.paths.log(), s.paths.log()+".old"); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(s.paths.log(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	s.log = f
	s.slog = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelError}))
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

// hold takes the flock that keeps a second server off the data.
func (s *server) hold(ctx context.Context) *Error {
	wait, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	var err error
	s.held, err = lock(wait, s.paths.server(), unix.LOCK_EX)
	if err == nil {
		err = signServer(s.held)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return stopped()
	case wait.Err() != nil:
		return unavailable(nil, "another server has the data in %s and does not answer at the socket it named", s.paths.dir)
	default:
		return misconfigured(err, "cannot lock in the state directory")
	}
}

// open starts etcd on the data.
func (s *server) open(ctx context.Context) *Error {
	var err error
	s.etcd, err = devserver.Start(ctx, &devserver.Options{DataDir: s.paths.data(), Socket: s.socket, Logger: s.slog})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, devserver.ErrNotLinked):
		return misconfigured(err, "the program started as the server has none")
	case ctx.Err() != nil:
		return stopped()
	default:
		s.slog.Error("cannot open the data", "dir", s.paths.data(), "err", err)
		return unavailable(err, "cannot open the data in %s", s.paths.data())
	}
}

func stopped() *Error { return unavailable(nil, "the server was told to stop") }

// run serves until the server leaves, and returns the exit code.
func (s *server) run(signals <-chan os.Signal) int {
	own := time.NewTicker(ownInterval)
	defer own.Stop()
	needed := time.NewTicker(idleInterval(s.idle))
	defer needed.Stop()
	for {
		select {
		case <-signals:
			return s.leave()
		case <-s.etcd.Failed():
			s.slog.Error("the server failed", "err", s.etcd.Err())
			s.withdraw()
			return Unavailable
		case <-own.C:
			if code, lost := s.lost(); lost {
				return code
			}
		case now := <-needed.C:
			use := s.tracks.unneeded(now, s.idle)
			if use != nil {
				code := s.leave()
				use.Close() // after all else is given back: a client that waited for it starts afresh
				return code
			}
		}
	}
}

// lost ends the server when its files are no longer its own.
func (s *server) lost() (code int, lost bool) {
	what, data := s.mine.lost(s.paths, s.socket)
	if what == "" {
		return 0, false
	}
	s.slog.Error("no longer this server's own", "path", what)
	if data {
		// etcd opens files by their paths: not one more write, for what is there now is another store's.
		s.withdraw()
		return Unavailable, true
	}
	return s.leave(), true
}

// leave stops serving in good order. The socket goes first: nobody shall find a server that is about to end.
func (s *server) leave() int {
	s.withdraw()
	if err := s.etcd.Close(); err != nil {
		s.slog.Error("stopping", "err", err)
		return Unavailable
	}
	s.held.Close()
	return 0
}

// withdraw removes the socket and the file that names it, as far as they are this server's.
func (s *server) withdraw() {
	if now, err := s.paths.readPointer(); err == nil && now == s.socket && s.mine.holdsDir(s.paths) {
		os.Remove(s.paths.pointer())
	}
	if s.mine.holdsSocket(s.socket) {
		s.removeSocket()
	}
}

// removeSocket removes the sockets of a server that is, or was about to be, the one at this path.
func (s *server) removeSocket() {
	if s.held == nil {
		return
	}
	os.Remove(s.socket)
	os.Remove(strings.TrimSuffix(s.socket, socketExt) + ".new") // devserver's, if it did not get ready
}
