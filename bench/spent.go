package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// spent is what has been used until a moment, or between two.
type spent struct {
	client, server time.Duration // of processors: this process with programs that it has run, and etcd's
	bytes          float64       // that the stage's clients sent and received
}

func (s *stage) spent() spent {
	now := spent{client: processorTime() + timeOf(syscall.RUSAGE_CHILDREN), bytes: float64(s.wire.bytes.Load())}
	if s.server != nil {
		now.server = processorTimeOf(s.server.cmd.Process.Pid)
	}
	return now
}

func (s spent) since(start spent) spent {
	return spent{s.client - start.client, s.server - start.server, s.bytes - start.bytes}
}

func (s spent) and(other spent) spent {
	return spent{s.client + other.client, s.server + other.server, s.bytes + other.bytes}
}

// processorTime is what this process has used.
func processorTime() time.Duration { return timeOf(syscall.RUSAGE_SELF) }

func timeOf(who int) time.Duration {
	var u syscall.Rusage
	check(syscall.Getrusage(who, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processorTimeOf is what another process has used, which Linux tells in steps of 10 ms; zero elsewhere.
func processorTimeOf(pid int) (sum time.Duration) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// After the name, which may contain anything, utime and stime are the 12th and 13th.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	for _, f := range fields[11:13] {
		ticks, err := strconv.Atoi(string(f))
		check(err)
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	return sum
}
