//go:build unix

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// readStatus reads a status file as a script does.
func readStatus(t *testing.T, path string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(b, &m))
	return m
}

func TestStatusTellsWhyTheProgramDidNotRun(t *testing.T) {
	taken := &takenError{by: "held by x"}
	for want, err := range map[string]error{
		"conflict":      exit(0, fmt.Errorf("not acquired: %w", taken)), // whatever -E says
		"unreachable":   exit(exitUnavailable, kv.ErrUnavailable),
		"lost":          exit(exitLost, session.ErrLost),
		"interrupted":   interrupted(interruptedBy(unix.SIGTERM), context.Canceled),
		"not_started":   &child.LookError{Name: "x", Code: child.NotFound, Err: errors.New("command not found")},
		"configuration": exit(exitConfig, errors.New("no endpoint")),
		"failed":        errors.New("something else"),
	} {
		s := &status{path: filepath.Join(t.TempDir(), "status"), name: "l"}
		require.NoError(t, s.begin(&lockClaim{name: "l"}))
		m := readStatus(t, s.path)
		require.Equal(t, "waiting", m["outcome"])
		require.Nil(t, m["exit_code"])
		require.NoError(t, s.end(err))
		m = readStatus(t, s.path)
		require.Equal(t, want, m["outcome"])
		require.EqualValues(t, codeOf(err, exitFailed), m["exit_code"])
		for _, absent := range []string{"child_code", "child_signal", "token", "key", "lease", "acquired_at"} {
			require.Nil(t, m[absent], absent)
			require.Contains(t, m, absent, "a field is there, with or without a value")
		}
		require.NotNil(t, m["ended_at"])
		if want == "interrupted" {
			require.Nil(t, m["error"])
		} else {
			require.Equal(t, err.Error(), m["error"])
		}
	}
}

func interruptedBy(s unix.Signal) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errSignal{s})
	return ctx
}

func TestStatusReplacesWhatAnotherRunSaidAndLeavesNothingBeside(t *testing.T) {
	dir := t.TempDir()
	s := &status{path: filepath.Join(dir, "status"), name: "l"}
	require.NoError(t, os.WriteFile(s.path, []byte(`{"outcome":"ran"}`), 0o600))
	require.NoError(t, s.begin(&slotClaim{name: "l"}))
	m := readStatus(t, s.path)
	require.Equal(t, "waiting", m["outcome"])
	require.Equal(t, "slot", m["kind"])
	require.NoError(t, s.end(nil))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
}
