//go:build linux

package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/primitives/election"
)

// unique is an election's name that nobody has used: terms are counted for good.
func unique(t *testing.T) string { return t.Name() + "-" + rand.Text() }

// leads starts a coord that leads, and returns when its child runs: a shell that does setup, tells term and endpoints, and goes on
// with script.
func (h home) leads(t *testing.T, setup, script string, args ...string) (*process, string) {
	t.Helper()
	dir := t.TempDir()
	args = append(append([]string{"elect"}, args...), "--", "sh", "-c",
		setup+"\necho $COORD_ENDPOINTS >endpoints; echo $$ >pid; touch term-$COORD_ELECTION_TERM; "+script)
	p := h.start(t, dir, "", args...)
	awaitTerm(t, dir, "1")
	return p, dir
}

func awaitTerm(t *testing.T, dir, term string) {
	t.Helper()
	eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "term-"+term)); return err == nil })
}

// breakLeadership takes the leadership away, as an operator does.
func breakLeadership(t *testing.T, dir, name string) {
	t.Helper()
	endpoints, err := os.ReadFile(filepath.Join(dir, "endpoints"))
	require.NoError(t, err)
	st, err := etcd.Open([]string{strings.TrimSpace(string(endpoints))}, nil)
	require.NoError(t, err)
	defer st.Close()
	l, err := election.Leader(t.Context(), st, name)
	require.NoError(t, err)
	require.NoError(t, election.Break(t.Context(), st, name, l.Token))
}

func TestLostLeadershipEndsTheCommand(t *testing.T) {
	t.Parallel()
	name := unique(t)
	p, dir := shared.leads(t, "", "exec sleep 60", "--on-lost", "touch lost-$COORD_ELECTION_TERM", name)
	breakLeadership(t, dir, name)
	require.Equal(t, 76, p.code(), p.err.String())
	require.False(t, alive(childPid(t, dir)))
	require.FileExists(t, filepath.Join(dir, "lost-1"))
	require.Contains(t, p.err.String(), "was lost, and the command was ended")
}

func TestLostLeadershipIsStoodForAgain(t *testing.T) {
	t.Run("broken", func(t *testing.T) {
		t.Parallel()
		name := unique(t)
		p, dir := shared.leads(t, `trap "exit 9" TERM`, `while :; do sleep 0.02; done`, "--restart", "--restart-delay", "10ms", name)
		first := childPid(t, dir)
		breakLeadership(t, dir, name)
		awaitTerm(t, dir, "2")
		require.False(t, alive(first), "two of one coord")
		signal(t, p.Process.Pid, syscall.SIGTERM)
		require.Equal(t, 9, p.code(), p.err.String())
		require.Contains(t, p.err.String(), "standing again in")
	})
	t.Run("store out of reach for a while", func(t *testing.T) {
		t.Parallel()
		h := ownHome(t)
		p, dir := h.leads(t, `trap "" TERM`, `while :; do sleep 0.02; done`, "--restart", "--restart-delay", "10ms", "--ttl", longTTL.String(), "e")
		first := childPid(t, dir)
		server := h.server(t)
		stopped := time.Now()
		signal(t, server, syscall.SIGSTOP)
		eventually(t, func() bool { return !alive(first) })
		require.Less(t, time.Since(stopped), longTTL, "the child outlived the lease")
		signal(t, server, syscall.SIGCONT)
		awaitTerm(t, dir, "2")
		second := childPid(t, dir)
		signal(t, p.Process.Pid, syscall.SIGQUIT)
		require.Equal(t, 128+int(syscall.SIGQUIT), p.code(), p.err.String())
		require.False(t, alive(second))
	})
}

func TestSignalEndsThePauseBeforeStandingAgain(t *testing.T) {
	t.Parallel()
	name := unique(t)
	p, _ := shared.leads(t, "", "exit 1", "--restart", "--restart-delay", "10m", name)
	eventually(t, func() bool {
		_, messages, code := shared.coord(t, "elect", "observe", "--once", name)
		return code == 1 && strings.Contains(messages, "nobody leads")
	})
	signal(t, p.Process.Pid, syscall.SIGINT)
	require.Equal(t, 128+int(syscall.SIGINT), p.code(), p.err.String())
}

func TestDeadLeaderIsFollowedAndObserved(t *testing.T) {
	t.Parallel()
	name := unique(t)
	p, dir := shared.leads(t, "", "exec sleep 60", "--ttl", "2s", "--id", "one", name)
	observer := shared.start(t, dir, "", "elect", "observe", name)
	next := shared.start(t, t.TempDir(), "", "elect", "--id", "two", name, "sh", "-c", "until [ -e go ]; do sleep 0.02; done")
	signal(t, p.Process.Pid, syscall.SIGKILL)
	_ = p.Wait()
	eventually(t, func() bool { // of the observer's output, which is not to be read while it writes, once
		out, _, _ := shared.coord(t, "elect", "observe", "--once", name)
		return strings.HasPrefix(out, "two (sh) leads in term 2")
	})
	require.False(t, alive(childPid(t, dir)))
	require.NoError(t, os.WriteFile(filepath.Join(next.Dir, "go"), nil, 0o600))
	require.Zero(t, next.code(), next.err.String())
	signal(t, observer.Process.Pid, syscall.SIGINT)
	_ = observer.Wait()
	require.Contains(t, observer.out.String(), "two (sh) leads in term 2")
}
