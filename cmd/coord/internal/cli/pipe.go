//go:build unix

package cli

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// errReaderGone says that whoever read the output has had enough.
var errReaderGone = errors.New("nobody reads the output any more")

// pipeWriter turns the end of a pipe's reader into errReaderGone.
type pipeWriter struct{ io.Writer }

// Write implements io.Writer.
func (w pipeWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = errReaderGone
	}
	return n, err
}

// outlivePipes makes a reader that has gone an error of the write, and not the end of a process that may hold a lock. Programs that it
// starts get the signal as ever, and one that was ignored stays so.
func outlivePipes() {
	if !signal.Ignored(syscall.SIGPIPE) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
}
