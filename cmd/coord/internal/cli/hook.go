//go:build unix

package cli

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
)

// hook is the command of --on-lost. It runs beside the program that is being ended, on a goroutine of its own, so that nothing of it, not
// even its start, delays the end of that.
type hook struct {
	app    *app
	text   string
	env    []string
	within time.Duration

	hurry chan struct{} // closed when a signal says that it has had time enough
	done  chan struct{} // nil: not started
}

func (j *job) newHook(env []string) *hook {
	return &hook{app: j.app, text: j.onLost, env: env, within: j.kill, hurry: make(chan struct{})}
}

// start runs the command, if there is one, which learns why in COORD_LOST.
func (h *hook) start(lost error) {
	if h.text == "" {
		return
	}
	h.done = make(chan struct{})
	go func() {
		defer close(h.done)
		if err := h.run(append(slices.Clip(h.env), "COORD_LOST="+plain(lost.Error()))); err != nil {
			h.app.say("coord: --on-lost: %v\n", err)
		}
	}()
}

func (h *hook) run(env []string) error {
	late := time.NewTimer(h.within)
	defer late.Stop()
	shell := h.app.shell()
	path, err := child.Look(shell)
	if err != nil {
		return err
	}
	c, err := child.Start(child.Spec{Path: path, Args: []string{shell, "-c", h.text}, Env: env, Aside: true})
	if err != nil {
		return err
	}
	select {
	case <-c.Done():
	case <-late.C:
		c.Signal(unix.SIGKILL)
	case <-h.hurry:
		c.Signal(unix.SIGKILL)
	}
	<-c.Done()
	if c.Code() != 0 && !h.app.quiet {
		h.app.say("coord: --on-lost %s\n", endOf(c))
	}
	return nil
}

// wait waits until the command has ended. A signal to end ends it.
func (h *hook) wait(signals <-chan os.Signal) {
	if h.done == nil {
		return
	}
	for hurry := h.hurry; ; {
		select {
		case <-h.done:
			return
		case s := <-signals:
			if s, ok := s.(unix.Signal); ok && isEnding(s) && hurry != nil {
				close(hurry)
				hurry = nil
			}
		}
	}
}

func isEnding(s unix.Signal) bool { return slices.Contains(child.Ending, s) }
