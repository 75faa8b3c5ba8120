//go:build unix

package cli

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
)

const statusHelp = `
The file of --status-file is a JSON object, replaced in one step as coord waits, holds and ends, and so never half written. Its fields:
name and kind (exclusive, shared, slot, election) of what was asked for; outcome; exit_code, coord's own; child_code, the exit code of CMD,
and child_signal, the name of the signal that ended it, both null if that did not happen; token, key and lease (hexadecimal) of what
was held, or null; asked_at, acquired_at and ended_at (RFC 3339, or null); error, what coord said of a failure, or null. The outcomes:
waiting, acquired (CMD runs), ran, lost, conflict (not acquired), unreachable, interrupted (a signal before CMD ran), not_started (CMD
cannot be run), configuration, failed. It is not written after a usage error.`

// statusFile is the content of the file. The names of its fields and the outcomes are stable.
type statusFile struct {
	Name        string     `json:"name"`
	Kind        string     `json:"kind"`
	Outcome     string     `json:"outcome"`
	ExitCode    *int       `json:"exit_code"`
	ChildCode   *int       `json:"child_code"`
	ChildSignal *string    `json:"child_signal"`
	Token       *int64     `json:"token"`
	Key         *string    `json:"key"`
	Lease       *string    `json:"lease"`
	AskedAt     time.Time  `json:"asked_at"`
	AcquiredAt  *time.Time `json:"acquired_at"`
	EndedAt     *time.Time `json:"ended_at"`
	Error       *string    `json:"error"`
}

// status keeps the file of --status-file; without a path it keeps none.
type status struct {
	path    string
	name    string
	content statusFile
}

// begin says that coord waits. What stood in the file was another run's.
func (s *status) begin(c claim) error {
	s.content = statusFile{Name: s.name, Kind: c.kind(), Outcome: "waiting", AskedAt: time.Now()}
	return s.write()
}

func (s *status) acquired(g grant) error {
	now, token, key, lease := time.Now(), int64(g.Token()), string(g.Key()), fmt.Sprintf("%x", int64(g.Lease()))
	s.content.AcquiredAt, s.content.Token, s.content.Key, s.content.Lease = &now, &token, &key, &lease
	s.content.ChildCode, s.content.ChildSignal = nil, nil
	s.content.Outcome = "acquired"
	return s.write()
}

// ended notes the end of the child, for end to write.
func (s *status) ended(c *child.Child, lost bool) {
	s.content.Outcome = "ran"
	if lost {
		s.content.Outcome = "lost"
	}
	if sig := c.EndedBy(); sig != 0 {
		name := unix.SignalName(sig)
		s.content.ChildSignal = &name
		return
	}
	code := c.Code()
	s.content.ChildCode = &code
}

// end says how coord ends.
func (s *status) end(err error) error {
	now, code := time.Now(), codeOf(err, exitFailed)
	s.content.EndedAt, s.content.ExitCode = &now, &code
	if s.content.Outcome == "waiting" || s.content.Outcome == "acquired" {
		s.content.Outcome = outcome(err)
	}
	var e *exitError
	if err != nil && !(errors.As(err, &e) && e.err == nil) {
		text := err.Error()
		s.content.Error = &text
	}
	return s.write()
}

// outcome is what an error says that came before the child had run.
func outcome(err error) string {
	var taken *takenError
	var look *child.LookError
	var e *exitError
	switch {
	case errors.As(err, &taken):
		return "conflict"
	case errors.As(err, &look):
		return "not_started"
	case errors.As(err, &e) && e.err == nil:
		return "interrupted"
	}
	switch codeOf(err, exitFailed) {
	case exitLost:
		return "lost"
	case exitUnavailable:
		return "unreachable"
	case exitConfig:
		return "configuration"
	}
	return "failed"
}

// write replaces the file. Only a regular file is replaced: a device or a pipe would be gone for everybody.
func (s *status) write() error {
	if s.path == "" {
		return nil
	}
	info, err := os.Lstat(s.path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", s.path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	text, err := json.MarshalIndent(s.content, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(s.path), ".coord-"+rand.Text())
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, s.path)
	}
	if err != nil {
		_ = os.Remove(tmp)
	}
	return err
}
