//go:build unix

package cli

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/primitives/session"
)

const debugVariable = "COORD_DEBUG"

// debugger is what --debug asks for: lines about what is done. The zero value writes nothing.
type debugger struct {
	asked bool // the flag
	log   *slog.Logger
	mute  atomic.Bool // a screen is on the terminal that the lines would go to
}

// setDebug looks whether to debug, by the flag or the variable, once the flags are known. Completion never does: its words are a shell's.
func (a *app) setDebug(cmd *cobra.Command) error {
	if cmd.Name() == cobra.ShellCompRequestCmd {
		return nil
	}
	on := a.debugger.asked
	if a.LookupEnv != nil && !a.given("debug") {
		if v, _ := a.LookupEnv(debugVariable); v != "" {
			var err error
			if on, err = strconv.ParseBool(v); err != nil {
				return exit(exitConfig, fmt.Errorf("%s=%q is neither true nor false", debugVariable, v))
			}
		}
	}
	if !on {
		return nil
	}
	out := &mutable{w: a.Err, mute: &a.debugger.mute}
	a.debugger.log = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	v := currentVersion()
	a.debug("begin", "command", cmd.CommandPath(), "version", v.Version, "go", v.Go, "platform", v.Platform)
	return nil
}

// debugging says whether anything is written.
func (a *app) debugging() bool { return a.debugger.log != nil }

// debug writes a line about what is done. It is never given a secret, nor the arguments and the environment of a program, which may
// hold some.
func (a *app) debug(msg string, attributes ...any) {
	if a.debugging() {
		a.debugger.log.Debug(msg, attributes...)
	}
}

// logger is for what takes one: nil, which is silent, unless there is debugging.
func (a *app) logger() *slog.Logger { return a.debugger.log }

// debugSettings tells of what is set, and by what.
func (a *app) debugSettings(e *effective) {
	for _, v := range e.views() {
		if v.Source == unset {
			continue
		}
		about := []any{"name", v.Setting, "source", v.Source}
		if v.Value != nil {
			about = append(about, "value", *v.Value)
		}
		a.debug("setting", about...)
	}
}

// event tells of what happens to a session and to what is held under it.
func (a *app) event(e session.Event) {
	about := []any{"event", string(e.Kind)}
	if e.Primitive != "" {
		about = append(about, "primitive", e.Primitive, "name", e.Name, "token", int64(e.Token))
	}
	about = append(about, "took", e.Took)
	if e.Err != nil {
		about = append(about, "err", e.Err)
	}
	a.debug("session", about...)
}

// mutable is a writer that can be made to drop what it is given.
type mutable struct {
	w    io.Writer
	mute *atomic.Bool
}

// Write implements io.Writer.
func (m *mutable) Write(p []byte) (int, error) {
	if m.mute.Load() {
		return len(p), nil
	}
	return m.w.Write(p)
}

// whole keeps what several write at a time apart.
type whole struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (w *whole) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}
