//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// place is where commands are run: with a store, and with nothing of who runs this.
type place struct{ binary, dir, endpoint string }

// shownEndpoint is what the store is called in the picture. It is as long as an address of the loopback, so that columns stay in line.
const shownEndpoint = "etcd.local:2379"

func (p place) command(ctx context.Context, line string) *exec.Cmd {
	words := strings.Fields(line)
	cmd := exec.CommandContext(ctx, p.binary, words[1:]...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + filepath.Dir(p.binary) + ":/usr/bin:/bin", "HOME=" + p.dir, "TERM=xterm", "LANG=C.UTF-8", "COORD_ENDPOINTS=" + p.endpoint}
	return cmd
}

// run runs a command to its end.
func (p place) run(ctx context.Context, line string) (out []line, code int, err error) {
	text, err := p.command(ctx, line).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code, err = exit.ExitCode(), nil
	}
	s := newScreen(columns, bytes.Count(text, []byte("\n")))
	s.write(strings.ReplaceAll(p.anonymous(text), "\n", "\r\n"))
	return s.lines, code, err
}

func (p place) anonymous(text []byte) string {
	return strings.ReplaceAll(string(text), p.endpoint, shownEndpoint)
}

// watch shows a command on a terminal for a while, and returns what is on it then.
func (p place) watch(ctx context.Context, line string, columns, rows int) ([]line, error) {
	master, slave, err := openTerminal(columns, rows)
	if err != nil {
		return nil, err
	}
	defer master.Close()
	cmd := p.command(ctx, line)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	slave.Close()
	if err != nil {
		return nil, err
	}
	s := newScreen(columns, rows)
	read := make(chan string)
	go func() {
		defer close(read)
		for buf := make([]byte, 64<<10); ; {
			n, err := master.Read(buf)
			if n > 0 {
				read <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	var all strings.Builder
	enough := time.After(4 * time.Second)
	for shown := true; shown; {
		select {
		case text := <-read:
			all.WriteString(text)
		case <-enough:
			shown = false
		}
	}
	s.write(p.anonymous([]byte(all.String())))
	if _, err := master.WriteString("q"); err != nil {
		return nil, err
	}
	for range read { // what it restores
	}
	return s.lines, cmd.Wait()
}

// openTerminal makes a terminal of that size.
func openTerminal(columns, rows int) (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(columns)})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
	}
	return master, slave, err
}
