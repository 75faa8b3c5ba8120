//go:build unix

package examples

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/test/internal/etcdtest"
	"github.com/coordkit/coord/test/internal/programs"
)

// bin has the examples, and coord.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "examples"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(bin)
	for _, args := range [][]string{{"../../examples/..."}, {"-tags", "nolocal", "../../cmd/coord"}} {
		if err := programs.Build(bin, args...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

func start(t *testing.T, name string, env ...string) *programs.Process {
	t.Helper()
	return programs.Start(t, programs.Env(env...), filepath.Join(bin, name))
}

// demos end by themselves, and print this at last.
var demos = map[string]string{
	"first":     "done: <nil>",
	"mutex":     "counter is 12",
	"election":  "leads, after",
	"fencing":   "first writer, late: stale fencing token",
	"discovery": "0 failed",
}

// services end when they get a signal. They get it when they have said the first, and then say the rest, in this order and at last.
var services = map[string]struct {
	at   string
	then []string
}{
	"scheduler": {at: "job 2 begins", then: []string{"job 2 is done", "resigned"}},
	"workers":   {at: "worker 3 has done an item", then: []string{"all workers have gone"}},
	"config":    {at: "flags: [new-search]", then: []string{"nothing is followed any more"}},
}

func TestEveryExampleIsRun(t *testing.T) {
	programs, err := filepath.Glob("../../examples/*/main.go")
	require.NoError(t, err)
	for _, p := range programs {
		name := filepath.Base(filepath.Dir(p))
		_, demo := demos[name]
		_, service := services[name]
		require.True(t, demo || service, "say here how examples/%s ends", name)
	}
	require.Len(t, programs, len(demos)+len(services))
}

func TestDemosRunToTheirEnd(t *testing.T) {
	for name, last := range demos {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, name)
			require.Zero(t, p.Ends(t), p.Said())
			require.Contains(t, p.Last(1)[0], last)
		})
	}
}

func TestServicesFinishTheirWorkAndLeaveWhenTheyGetASignal(t *testing.T) {
	for name, want := range services {
		for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
			t.Run(fmt.Sprint(name, " ", signal), func(t *testing.T) {
				t.Parallel()
				p := start(t, name)
				p.Until(t, want.at)
				p.Signal(t, signal)
				require.Zero(t, p.Ends(t), p.Said())
				require.Equal(t, want.then, p.Last(len(want.then)), p.Said())
			})
		}
	}
}

// A process that leaves in the right order keeps nobody waiting for its lease.
func TestNextOneLeadsAtOnceWhenTheLeaderGetsASignal(t *testing.T) {
	endpoint := "COORD_ENDPOINTS=" + etcdtest.Start(t).Endpoint()
	first := start(t, "scheduler", endpoint)
	first.Until(t, "job 1 begins")
	second := start(t, "scheduler", endpoint)
	second.Until(t, "standing")
	first.Signal(t, syscall.SIGTERM)
	require.Zero(t, first.Ends(t), first.Said())
	require.Equal(t, []string{"job 1 is done", "resigned"}, first.Last(2), "the job was finished first")
	left := time.Now()
	second.Until(t, "leads, term 2")
	require.Less(t, time.Since(left), 10*time.Second, "it has waited for the lease, which is 15 s")
	second.Signal(t, syscall.SIGTERM)
	require.Zero(t, second.Ends(t), second.Said())
}

func TestNextOneLeadsWhenTheLeaderIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for a lease of 15 s")
	}
	t.Parallel()
	endpoint := "COORD_ENDPOINTS=" + etcdtest.Start(t).Endpoint()
	first := start(t, "scheduler", endpoint)
	first.Until(t, "job 1 begins")
	second := start(t, "scheduler", endpoint)
	first.Signal(t, syscall.SIGKILL)
	require.Equal(t, 137, first.Ends(t), first.Said())
	second.Until(t, "leads, term 2")
}

// Each turn is one worker's alone, and a shard's tokens grow from turn to turn.
func TestWorkersOfTwoProcessesShareTheShards(t *testing.T) {
	t.Parallel()
	endpoint := "COORD_ENDPOINTS=" + etcdtest.Start(t).Endpoint()
	one := start(t, "workers", endpoint)
	one.Until(t, "has done an item")
	two := start(t, "workers", endpoint)
	two.Until(t, "has done an item") // it had its turn
	who := map[string]string{}       // by shard and token
	for name, p := range map[string]*programs.Process{"one": one, "two": two} {
		p.Signal(t, syscall.SIGTERM)
		require.Zero(t, p.Ends(t), p.Said())
		latest := map[string]int{} // tokens, by shard
		for _, m := range item.FindAllStringSubmatch(p.Said(), -1) {
			worker, turn := name+m[1], m[2]+" "+m[3]
			if has, seen := who[turn]; seen {
				require.Equal(t, has, worker, "two had a turn together")
			}
			who[turn] = worker
			token, err := strconv.Atoi(m[3])
			require.NoError(t, err)
			require.GreaterOrEqual(t, token, latest[m[2]], p.Said())
			latest[m[2]] = token
		}
		require.NotEmpty(t, latest, p.Said())
	}
}

var item = regexp.MustCompile(`worker (\d) has done an item of shard (\d), under token (\d+)`)

func TestConfigIsFollowedOnEtcd(t *testing.T) {
	t.Parallel()
	endpoint := "COORD_ENDPOINTS=" + etcdtest.Start(t).Endpoint()
	p := start(t, "config", endpoint)
	p.Until(t, "level: INFO")
	coord := func(args ...string) {
		c := programs.Start(t, programs.Env(endpoint), filepath.Join(bin, "coord"), args...)
		require.Zero(t, c.Ends(t), c.Said())
	}
	coord("kv", "put", "examples/config/level", "debug")
	p.Until(t, "level: DEBUG")
	coord("kv", "put", "examples/config/flags/new-search", "on")
	p.Until(t, "flags: [new-search]")
	coord("kv", "del", "examples/config/level")
	p.Until(t, "level: INFO")
	p.Signal(t, syscall.SIGTERM)
	require.Zero(t, p.Ends(t), p.Said())
}

// night runs the job for cron against a store.
func night(t *testing.T, endpoint, out, stepTakes string) *programs.Process {
	t.Helper()
	return programs.Start(t, programs.Env("PATH="+bin+":"+os.Getenv("PATH"), "COORD_ENDPOINTS="+endpoint, "OUT="+out, "STEP_TAKES="+stepTakes),
		"../../examples/cron/nightly.sh")
}

func TestJobForCronIsDoneOnceANight(t *testing.T) {
	t.Parallel()
	endpoint, out := etcdtest.Start(t).Endpoint(), t.TempDir()
	done := 0
	var hosts []*programs.Process
	for range 3 {
		hosts = append(hosts, night(t, endpoint, out, "0.3"))
	}
	for _, p := range append(hosts, night(t, endpoint, out, "0.3")) {
		require.Zero(t, p.Ends(t), p.Said())
		done += strings.Count(p.Said(), ": done")
	}
	require.Equal(t, 1, done)
	reports, err := filepath.Glob(filepath.Join(out, "*"))
	require.NoError(t, err)
	require.Len(t, reports, 1, "what was under way is gone, and one report is there")
	report, err := os.ReadFile(reports[0])
	require.NoError(t, err)
	require.Equal(t, "step one\nstep two\nstep three\n", string(report))
}

func TestJobForCronThatIsStoppedIsDoneByTheNextOne(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	out := t.TempDir()
	p := night(t, server.Endpoint(), out, "300")
	require.Eventually(t, func() bool {
		parts, _ := filepath.Glob(filepath.Join(out, "*"))
		return len(parts) == 1
	}, programs.Soon, 10*time.Millisecond, "it does not begin")
	p.Signal(t, syscall.SIGTERM)
	require.Equal(t, 143, p.Ends(t), p.Said())
	parts, err := filepath.Glob(filepath.Join(out, "*"))
	require.NoError(t, err)
	require.Empty(t, parts)
	next := night(t, server.Endpoint(), out, "0")
	require.Zero(t, next.Ends(t), next.Said())
	require.Contains(t, next.Said(), ": done")
}
