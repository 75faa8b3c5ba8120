package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// kube is Kubernetes' leaderelection package, which polls a Lease object. Its program is in clientgo/.
const (
	kube         = "client-go"
	kubeReleases = "client-go, ReleaseOnCancel"
)

const kubeNote = "Candidates of both stand in processes of their own, 48 at a time, and what a row compares happens at the same time. TTL is " +
	"client-go's `LeaseDuration`: 15 s with its defaults (`RenewDeadline` 10 s, `RetryPeriod` 2 s), 3 s with 2 s and 500 ms. Who is cut off " +
	"hears nothing, and nobody hears of it: to the store, and to who waits, that is as if it were killed. client-go's API server is a fake: Lease " +
	"objects in memory, without TLS, rights, admission or a disk. A real one answers later and says more, which favours client-go here."

var kubeRows = []row{
	{"given up → the next leads, TTL 15 s", nanoseconds, func(s *stage) []way { return s.trials(usual, trial.given) }},
	{"given up → the next leads, TTL 3 s", nanoseconds, func(s *stage) []way { return s.trials(brisk, trial.given) }},
	{"killed or cut off → the next leads, TTL 15 s", nanoseconds, func(s *stage) []way { return s.trials(usual, trial.followed) }},
	{"killed or cut off → the next leads, TTL 3 s", nanoseconds, func(s *stage) []way { return s.trials(brisk, trial.followed) }},
	{"cut off: the next leads → the leader's ctx ends (less than zero: before), TTL 15 s", nanoseconds, func(s *stage) []way {
		return s.trials(usual, trial.overlap)
	}},
	{"cut off: the next leads → the leader's ctx ends (less than zero: before), TTL 3 s", nanoseconds, func(s *stage) []way {
		return s.trials(brisk, trial.overlap)
	}},
	{"cut off, of 48: those whose ctx ends only after the next leads, TTL 15 s", outOf, func(s *stage) []way {
		return aims("0", s.trials(usual, trial.late))
	}},
	{"cut off, of 48: those whose ctx ends only after the next leads, TTL 3 s", outOf, func(s *stage) []way {
		return aims("0", s.trials(brisk, trial.late))
	}},
	{"stopped past the TTL of 3 s, of 50 that look at their ctx before each write: stale writes", outOf, func(s *stage) []way {
		return s.blackouts(brisk)
	}},
}

// pacing is how soon client-go does what; coord's TTL is the lease.
type pacing struct{ lease, renew, retry time.Duration }

var (
	usual = pacing{15 * time.Second, 10 * time.Second, 2 * time.Second} // its defaults
	brisk = pacing{faultTTL, 2 * time.Second, 500 * time.Millisecond}
)

// poll is the longest time between two looks of a candidate of client-go's, by its JitterFactor.
func (p pacing) poll() time.Duration { return p.retry * 22 / 10 }

// step is the longest time between two polls of a candidate, or two renewals of a leader, of either's.
func (p pacing) step() time.Duration { return max(p.lease/3, p.poll()) }

// contender is a program whose candidates are compared.
type contender struct {
	who     string
	server  *server
	command func(endpoint string, writes bool) *exec.Cmd
	pacing  pacing
}

// contenders are coord, and client-go with each ReleaseOnCancel that is asked for.
func (s *stage) contenders(p pacing, releases ...bool) []contender {
	program, err := clientgo()
	if err != nil {
		s.leaveOut(err)
		return nil
	}
	api := startServer(exec.Command(program, "serve"))
	s.later(api.stop)
	cs := []contender{{"coord", s.server, func(endpoint string, writes bool) *exec.Cmd {
		return exec.Command(must(os.Executable()), standCommand, endpoint, p.lease.String(), strconv.FormatBool(writes))
	}, p}}
	for _, r := range releases {
		who := map[bool]string{false: kube, true: kubeReleases}[r]
		cs = append(cs, contender{who, api, func(endpoint string, writes bool) *exec.Cmd {
			return exec.Command(program, "stand", endpoint, p.lease.String(), p.renew.String(), p.retry.String(), strconv.FormatBool(r),
				strconv.FormatBool(writes))
		}, p})
	}
	return cs
}

// clientgo is the program, made from source once, in a directory that goes with this process. The first time on a machine that takes
// minutes: a download of 30 MB, and 700 packages to compile.
var clientgo = sync.OnceValues(func() (program string, err error) {
	dir, err := os.MkdirTemp("", "coord-bench-*")
	if err != nil {
		return "", err
	}
	atEnd = append(atEnd, func() { _ = os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(background, 6*time.Minute)
	defer cancel()
	fmt.Fprintln(os.Stderr, "client-go: building, which takes minutes the first time")
	start := time.Now()
	program = filepath.Join(dir, "clientgo")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	cmd.Dir, cmd.WaitDelay = "clientgo", time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("rows of client-go, which cannot be built here: %w: %s", err, lastLine(out))
	}
	fmt.Fprintf(os.Stderr, "client-go: built in %.1f s\n", time.Since(start).Seconds())
	return program, nil
})

func lastLine(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[bytes.LastIndexByte(out, '\n')+1:]
}

// together has all ways of a row measured at the same time, as what they do takes long and uses little. What is spent meanwhile cannot be
// told apart.
func together(ways []way) (all []way) {
	running := make([]chan block, len(ways))
	for i, w := range ways {
		all = append(all, way{w.who, w.goal, func() block {
			if running[i] == nil { // the first of a round
				for j, w := range ways {
					done := make(chan block, 1)
					running[j] = done
					go func() { done <- w.block() }()
				}
			}
			b := <-running[i]
			running[i] = nil
			b.cost, b.ops = math.NaN(), math.NaN()
			return b
		}})
	}
	return all
}

// aims sets coord's goal.
func aims(goal string, ways []way) []way {
	if ways != nil {
		ways[0].goal = goal
	}
	return ways
}
