package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

const etcdctl = "etcdctl lock"

var programRows = []row{
	{"run a lock around true; coord built with nolocal", nanoseconds, func(s *stage) []way { return programs(s, "coord-nolocal", "≤ 1×") }},
	{"run a lock around true; coord as it is built", nanoseconds, func(s *stage) []way { return programs(s, "coord", "≤ 1.3×") }},
}

// perProgram is how many a block runs; a row has five blocks at least, so 40 of each.
const perProgram = 8

// programs compares whole processes, from their start to their end. What a shell pays for is this, not the lock.
func programs(s *stage, binary, goal string) []way {
	dir, err := built()
	if err != nil {
		s.leaveOut(err)
		return nil
	}
	endpoints := "--endpoints=" + s.server.address()
	measure := func(args ...string) func() block {
		return func() block {
			return samples(perProgram, func() float64 {
				cmd := exec.Command(filepath.Join(dir, args[0]), args[1:]...)
				start := time.Now()
				out, err := cmd.CombinedOutput()
				took := time.Since(start)
				if err != nil {
					check(fmt.Errorf("%v: %w: %s", cmd.Args, err, out))
				}
				return float64(took)
			})
		}
	}
	return []way{
		{"coord run", "", measure(binary, endpoints, "run", "bench", "true")},
		{etcdctl, goal, measure("etcdctl", endpoints, "lock", "bench", "true")},
		{"etcdctl version: no call", "", measure("etcdctl", "version")},
	}
}

// built are the programs that are compared, made from source once, in a directory that goes with this process. They are made as coord and
// etcd release them, without cgo, with which every start takes a millisecond more.
var built = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "coord-bench-*"); err != nil {
		return "", err
	}
	atEnd = append(atEnd, func() { _ = os.RemoveAll(dir) })
	for _, b := range []struct{ from, name, pkg, tags string }{
		{"..", "coord", "github.com/coordkit/coord/cmd/coord", ""},
		{"..", "coord-nolocal", "github.com/coordkit/coord/cmd/coord", "nolocal"},
		{"peers", "etcdctl", "go.etcd.io/etcd/etcdctl/v3", ""},
	} {
		cmd := exec.Command("go", "build", "-trimpath", "-tags", b.tags, "-o", filepath.Join(dir, b.name), b.pkg)
		cmd.Dir, cmd.Env = b.from, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w: %s", b.name, err, out)
		}
	}
	return dir, nil
})
