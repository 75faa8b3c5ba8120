package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// machine is what a run was measured on, and what it has measured.
type machine struct {
	CPU        string
	Processors int
	Memory     string
	System     string
	Go         string
	Versions   []string // of modules that are compared
	Commit     string   // of coord; unknown if there is no git
	Changed    bool     // the sources are not those of the commit
}

// compared are the modules whose versions matter.
var compared = []string{
	"go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/client/v3", "github.com/google/btree", "github.com/hashicorp/go-memdb",
	"github.com/tidwall/buntdb", "github.com/go-redsync/redsync/v4", "google.golang.org/grpc",
}

func thisMachine() machine {
	m := machine{
		CPU: field("/proc/cpuinfo", "model name"), Processors: runtime.NumCPU(), Memory: field("/proc/meminfo", "MemTotal"),
		System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Commit: "unknown",
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.System += ", kernel " + strings.TrimSpace(string(b))
	}
	if kb, err := strconv.Atoi(strings.TrimSuffix(m.Memory, " kB")); err == nil {
		m.Memory = fmt.Sprintf("%.0f GiB", float64(kb)/(1<<20))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, path := range compared {
			for _, dep := range info.Deps {
				if dep.Path == path {
					m.Versions = append(m.Versions, path+" "+dep.Version)
				}
			}
		}
	}
	if v := required("clientgo/go.mod", "k8s.io/client-go"); v != "" {
		m.Versions = append(m.Versions, v)
	}
	if out, err := exec.Command("git", "rev-parse", "HEAD").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(out))
		changes, err := exec.Command("git", "status", "--porcelain", "--", ":/*.go", ":/*go.mod").Output()
		m.Changed = err != nil || len(changes) > 0
	}
	return m
}

// field is the value of the first line of a file that begins with the name; empty if there is none.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// required is a module with the version that a go.mod asks for; empty if it does not.
func required(file, module string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == module {
			return f[0] + " " + f[1]
		}
	}
	return ""
}

// load is how many wanted a processor in the last minute; none where it is not told.
func load() number {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return none
	}
	first, _, _ := strings.Cut(string(b), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return none
	}
	return number(v)
}
