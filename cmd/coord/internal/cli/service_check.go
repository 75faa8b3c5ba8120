//go:build unix

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
)

// checkOutput is how much of what a check prints is kept: the end of it goes into an error of one line.
const checkOutput = 4 << 10

// lastWords is how long what a check has printed is read after its end.
const lastWords = 100 * time.Millisecond

// runCheck runs a command by the shell, and returns nil if it succeeds. When ctx ends, all of its group is killed. What it printed last is
// the error's.
func (a *app) runCheck(ctx context.Context, text string, env []string) error {
	shell := a.shell()
	path, err := child.Look(shell)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	c, err := child.Start(child.Spec{Path: path, Args: []string{shell, "-c", text}, Env: env, Aside: true, Output: w})
	w.Close()
	if err != nil {
		return err
	}
	said := make(chan string, 1)
	go func() { said <- lastLine(r) }()
	select {
	case <-c.Done():
	case <-ctx.Done():
		c.Signal(unix.SIGKILL)
		<-c.Done()
	}
	c.KillGroup()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case c.Code() == 0:
		return nil
	}
	_ = r.SetReadDeadline(time.Now().Add(lastWords)) // something that it has left behind may keep the other end open
	last := <-said
	if last != "" {
		last = ": " + last
	}
	return fmt.Errorf("check %s%s", endOf(c), last)
}

// lastLine reads to the end and returns the last line that is not empty, or what of it is in the last checkOutput bytes.
func lastLine(r io.Reader) string {
	var tail []byte
	for buf := make([]byte, checkOutput); ; {
		n, err := r.Read(buf)
		tail = append(tail, buf[:n]...)
		tail = tail[max(0, len(tail)-checkOutput):]
		if err != nil {
			break
		}
	}
	tail = bytes.TrimSpace(tail)
	return strings.TrimSpace(string(tail[bytes.LastIndexByte(tail, '\n')+1:]))
}
