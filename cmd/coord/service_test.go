//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// registers starts a coord that has an instance called a registered, and returns when its child runs: a shell that does setup, and goes
// on with script.
func (h home) registers(t *testing.T, service, setup, script string, args ...string) (*process, string) {
	t.Helper()
	dir := t.TempDir()
	args = append(append([]string{"service", "register", service, "--id", "a"}, args...), "--", "sh", "-c",
		setup+"\necho $$ >pid.new; mv pid.new pid; "+script)
	p := launch(t, append(h.env(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH")), dir, "", args...)
	eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "pid")); return err == nil })
	return p, dir
}

// status is the instance's, or empty if there is none.
func (h home) status(t *testing.T, service string) string {
	t.Helper()
	out, _, _ := h.coord(t, "service", "describe", service, "--no-headers")
	if f := strings.Fields(out); len(f) > 1 {
		return f[1]
	}
	return ""
}

const forever = "while :; do sleep 0.02; done"

func TestServiceDrainsBeforeItsCommandIsAskedToEnd(t *testing.T) {
	t.Parallel()
	p, dir := shared.registers(t, t.Name(), `trap 'coord service describe `+t.Name()+` >at-term; exit 5' TERM`, forever, "--drain-for", "0.3")
	require.Equal(t, "serving", shared.status(t, t.Name()))
	asked := time.Now()
	signal(t, p.Process.Pid, syscall.SIGTERM)
	require.Equal(t, 5, p.code(), p.err.String())
	require.Greater(t, time.Since(asked), 300*time.Millisecond)
	then, err := os.ReadFile(filepath.Join(dir, "at-term"))
	require.NoError(t, err)
	require.Contains(t, string(then), "a   draining")
	require.Empty(t, shared.status(t, t.Name()), "it said no farewell")
}

func TestSecondSignalDoesNotWaitForTheDrain(t *testing.T) {
	t.Parallel()
	p, _ := shared.registers(t, t.Name(), "", "exec sleep 60", "--drain-for", "10m")
	signal(t, p.Process.Pid, syscall.SIGTERM)
	eventually(t, func() bool { return shared.status(t, t.Name()) == "draining" })
	signal(t, p.Process.Pid, syscall.SIGTERM)
	require.Equal(t, 128+int(syscall.SIGTERM), p.code(), p.err.String())
}

func TestOtherSignalsReachTheServiceAtOnceAndDrainNothing(t *testing.T) {
	t.Parallel()
	p, dir := shared.registers(t, t.Name(), "trap 'touch reloaded' HUP", forever, "--drain-for", "10m")
	signal(t, p.Process.Pid, syscall.SIGHUP)
	eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "reloaded")); return err == nil })
	require.Equal(t, "serving", shared.status(t, t.Name()))
	signal(t, childPid(t, dir), syscall.SIGKILL)
	require.Equal(t, 128+int(syscall.SIGKILL), p.code(), p.err.String())
}

func TestServiceOutlivesTheLossOfItsStore(t *testing.T) {
	t.Parallel()
	h := ownHome(t)
	const ttl = 2 * time.Second
	p, dir := h.registers(t, "web", `trap "exit 3" TERM`, forever, "--ttl", ttl.String())
	server := h.server(t)
	stopped := time.Now()
	signal(t, server, syscall.SIGSTOP)
	eventually(t, func() bool { return time.Since(stopped) > 2*ttl })
	require.True(t, alive(childPid(t, dir)), "the command was ended with its registration")
	signal(t, server, syscall.SIGCONT)
	eventually(t, func() bool { return h.status(t, "web") == "serving" })
	signal(t, p.Process.Pid, syscall.SIGTERM)
	require.Equal(t, 3, p.code(), p.err.String())
	require.Contains(t, p.err.String(), `coord: instance "a" of service "web" is not registered any more, and comes back when it can`)
	require.Contains(t, p.err.String(), `coord: instance "a" of service "web" is registered again`)
}

func TestEndIsNotHeldUpByAStoreOutOfReach(t *testing.T) {
	t.Parallel()
	h := ownHome(t)
	p, _ := h.registers(t, "web", "", "exec sleep 60")
	server := h.server(t)
	signal(t, server, syscall.SIGSTOP)
	defer func() { signal(t, server, syscall.SIGCONT) }()
	asked := time.Now()
	signal(t, p.Process.Pid, syscall.SIGTERM)
	require.Equal(t, 128+int(syscall.SIGTERM), p.code(), p.err.String())
	require.Less(t, time.Since(asked), 15*time.Second, "it has waited for the lease, and not a second for the news and five for the farewell")
	require.Contains(t, p.err.String(), "leaves when its lease of 15s runs out")
}

func TestServiceOfADeadCoordGoes(t *testing.T) {
	t.Parallel()
	p, dir := shared.registers(t, t.Name(), "", "exec sleep 60", "--ttl", "2s")
	signal(t, p.Process.Pid, syscall.SIGKILL)
	_ = p.Wait()
	eventually(t, func() bool { return !alive(childPid(t, dir)) })
	eventually(t, func() bool { return shared.status(t, t.Name()) == "" })
}

func TestCheckDecidesWhetherTheServiceServes(t *testing.T) {
	t.Parallel()
	p, dir := shared.registers(t, t.Name(), "", "exec sleep 60", "--check", "test $COORD_SERVICE_ID = a && cat ok", "--check-every", "1s")
	require.Contains(t, []string{"starting", "not_serving"}, shared.status(t, t.Name()))
	ok := filepath.Join(dir, "ok")
	require.NoError(t, os.WriteFile(ok, []byte("fine"), 0o600))
	eventually(t, func() bool { return shared.status(t, t.Name()) == "serving" })
	require.NoError(t, os.Remove(ok))
	eventually(t, func() bool { return shared.status(t, t.Name()) == "not_serving" })
	signal(t, p.Process.Pid, syscall.SIGTERM)
	require.Equal(t, 128+int(syscall.SIGTERM), p.code(), p.err.String())
	require.Empty(t, p.out.String(), "output of the check")
	require.Regexp(t, `is not_serving: check ended with exit code 1: cat: .*ok`, p.err.String())
}
