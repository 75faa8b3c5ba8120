package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// workCommand is the argument with which this program holds locks and writes under them.
const workCommand = "hold-locks"

// worker is a process that holds locks, and prints the number of one as its write under it, each time that it believes that it holds.
type worker struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Scanner
}

// startWorker returns when the process holds the locks.
func startWorker(args ...string) *worker {
	cmd := exec.Command(must(os.Executable()), append([]string{workCommand}, args...)...)
	cmd.Stderr = os.Stderr
	stdin, stdout := must(cmd.StdinPipe()), must(cmd.StdoutPipe())
	check(cmd.Start())
	w := &worker{cmd, stdin, bufio.NewScanner(stdout)}
	if !w.out.Scan() {
		check(fmt.Errorf("a holder does not start: %w", cmd.Wait()))
	}
	return w
}

func (w *worker) stop()   { check(w.cmd.Process.Signal(syscall.SIGSTOP)) }
func (w *worker) resume() { check(w.cmd.Process.Signal(syscall.SIGCONT)) }

// writes calls f for each write until the process has ended.
func (w *worker) writes(f func(lock int)) {
	for w.out.Scan() {
		f(must(strconv.Atoi(w.out.Text())))
	}
}

// kill ends the process: it gives nothing back, as it has lost all.
func (w *worker) kill() { check(w.cmd.Process.Kill()) }

func (w *worker) wait() {
	_ = w.stdin.Close()
	_ = w.cmd.Wait()
}

// work is the process: args are the kind of holder, the endpoint, and the locks' prefix and number.
func work(args []string) error {
	signal.Ignore(os.Interrupt) // the parent's, and with it the end of the input
	kind, n := must(strconv.Atoi(args[0])), must(strconv.Atoi(args[3]))
	v := victims[kind].make(args[1], new(wire), faultTTL)
	defer v.kill()
	var held, writing sync.WaitGroup
	held.Add(n)
	for i := range n {
		writing.Go(func() {
			believes := v.hold(args[2] + "-" + strconv.Itoa(i))
			held.Done()
			held.Wait()
			for believes() {
				_, _ = os.Stdout.WriteString(strconv.Itoa(i) + "\n")
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	held.Wait()
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}
