//go:build unix

package local

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/coordkit/coord/cmd/coord/internal/devserver"
)

// ServeCommand is the first argument of a process that is to be the server. main looks for it before anything else:
//
//	if len(os.Args) > 1 && os.Args[1] == local.ServeCommand {
//		os.Exit(local.ServeMain(os.Args[2:]))
//	}
const ServeCommand = "__local-server"

// Descriptors that the server inherits beside its standard ones.
const (
	startFD  = 3 // flock start, exclusive
	reportFD = 4 // the writing end of the pipe for the report
)

// The report is one line: reportOK, or an exit code, a space and what went wrong.
const (
	reportOK    = "ok"
	reportLimit = 64 << 10
)

// spawn starts a server, which shares the lock start until it is ready, and waits for its report until ctx ends. The
// server goes on if ctx ends, or this process does.
func (s *Store) spawn(ctx context.Context, start *os.File) error {
	socket, err := s.paths.socket()
	if err != nil {
		return err
	}
	program, err := serverProgram()
	if err != nil {
		return err
	}
	report, out, err := os.Pipe()
	if err != nil {
		return unavailable(err, "cannot start a server")
	}
	defer report.Close()
	cmd := exec.Command(program, ServeCommand, s.paths.dir, socket, s.idle.String())
	cmd.Args[0] = "coord" // for ps: the link to this program says nothing
	cmd.Dir = filepath.Dir(socket)
	cmd.Env = serverEnv(os.Environ())
	cmd.ExtraFiles = []*os.File{startFD - 3: start, reportFD - 3: out}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	out.Close()
	if err != nil {
		return unavailable(err, "cannot start a server")
	}
	s.mu.Lock()
	s.started = true
	s.reaps = append(s.reaps, cmd.Process.Pid)
	s.mu.Unlock()
	// Reaped by number, now and then, for nobody can wait here for as long as the server lives.
	_ = cmd.Process.Release()

	stop := context.AfterFunc(ctx, func() { _ = report.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	text, err := io.ReadAll(io.LimitReader(report, reportLimit))
	if err != nil && ctx.Err() != nil {
		return unavailable(ctx.Err(), "the server was not ready in time")
	}
	return readReport(string(text), s.paths)
}

// readReport turns what a server said into an error.
func readReport(text string, paths layout) error {
	line, whole := strings.CutSuffix(text, "\n")
	if !whole {
		return unavailable(nil, "the server ended before it was ready; see %s", paths.log())
	}
	if line == reportOK {
		return nil
	}
	number, why, _ := strings.Cut(line, " ")
	if code, err := strconv.Atoi(number); err == nil {
		return &Error{Code: code, Text: why}
	}
	return unavailable(nil, "the server said %q", line)
}

// writeReport is the other side of readReport.
func writeReport(w io.Writer, e *Error) error {
	line := reportOK
	if e != nil {
		text := e.Text
		if e.Err != nil {
			text += ": " + e.Err.Error()
		}
		line = fmt.Sprintf("%d %s", e.Code, strings.Join(strings.Fields(text), " "))
	}
	_, err := io.WriteString(w, line+"\n")
	return err
}

// serverProgram returns the program that has the server in it: this one, by the link that still leads to it when its file
// is gone (`go run` deletes it), or, built without the server, COORD_SERVER or coord-server from PATH: a coord built with
// its server, under any name.
func serverProgram() (string, error) {
	if devserver.Linked {
		const self = "/proc/self/exe"
		if _, err := os.Stat(self); err == nil {
			return self, nil
		}
		exe, err := os.Executable()
		if err != nil {
			return "", unavailable(err, "cannot find this program's file")
		}
		return exe, nil
	}
	return ExternalServer()
}

// ExternalServer returns the absolute path of the program that a coord built with the tag nolocal uses as its server:
// $COORD_SERVER, or coord-server from PATH; Config if there is none.
func ExternalServer() (string, error) {
	name := os.Getenv("COORD_SERVER")
	if name == "" {
		name = "coord-server"
	}
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path) // the server starts in another directory
	}
	if err != nil {
		return "", misconfigured(err, "this coord was built without a server; configure an endpoint (COORD_ENDPOINTS), "+
			"or name a coord that has one in COORD_SERVER")
	}
	return path, nil
}

// serverEnv returns env without what belongs to the command that happens to start the server: it outlives that command,
// serves others, and keeps no passwords.
func serverEnv(env []string) []string {
	kept := make([]string, 0, len(env))
	for _, kv := range env {
		if !strings.HasPrefix(kv, "COORD_") && !strings.HasPrefix(kv, "ETCD") {
			kept = append(kept, kv)
		}
	}
	return kept
}
