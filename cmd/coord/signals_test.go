//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What coord gets, all of the program's group gets: nobody is left behind, as under a lock command that dies of HUP or QUIT by itself, or that
// has put a shell in between.
func TestSignalsReachTheProgramAndWhatItHasStarted(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2} {
		for _, shell := range []bool{false, true} {
			name := strings.ReplaceAll(s.String(), " ", "-")
			if shell {
				name += " with a shell"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				args := []string{"sh", "-c", `sh -c 'echo $$ >pid.new; mv pid.new pid; exec sleep 60'; exit 3`}
				if shell {
					args = []string{"-c", args[2]}
				}
				p := shared.start(t, dir, "", append([]string{"run", "-q", t.Name()}, args...)...)
				eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "pid")); return err == nil })
				signal(t, p.Process.Pid, s)
				require.Equal(t, 128+int(s), p.code(), p.err.String())
				eventually(t, func() bool { return !alive(childPid(t, dir)) })
			})
		}
	}
}

func TestVariablesOfTheLockCannotBeOverridden(t *testing.T) {
	names := []string{"COORD_LOCK_NAME", "COORD_LOCK_TOKEN", "COORD_LOCK_KEY", "COORD_LOCK_LEASE", "ETCD_LOCK_KEY", "ETCD_LOCK_REV"}
	var env []string
	for _, name := range names {
		env = append(env, name+"=forged")
	}
	p := launch(t, shared.env(env...), t.TempDir(), "", "run", t.Name(), "env")
	require.Zero(t, p.code(), p.err.String())
	require.NotContains(t, p.out.String(), "forged")
	for _, name := range names {
		require.Equal(t, 1, strings.Count("\n"+p.out.String(), "\n"+name+"="), name)
	}
}
