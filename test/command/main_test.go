//go:build unix

package command

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// binary is the command, built once, without its own server.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "coord")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "coord")
	build := exec.Command("go", "build", "-tags", "nolocal", "-o", binary, "github.com/coordkit/coord/cmd/coord")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s", out)
		return 1
	}
	return m.Run()
}

// coord runs the command with nothing in its environment but env.
func coord(t *testing.T, env []string, args ...string) (out, messages string, code int) {
	t.Helper()
	var o, m bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = t.TempDir(), append([]string{"PATH=" + os.Getenv("PATH")}, env...), &o, &m
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit, "%s", m.String())
	}
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	return o.String(), m.String(), code
}

// ok runs the command, which must succeed, and returns what it printed.
func ok(t *testing.T, env []string, args ...string) string {
	t.Helper()
	out, messages, code := coord(t, env, args...)
	require.Zero(t, code, "coord %q: %s", args, messages)
	return out
}

// refused runs the command, which must end with the code and say why in one line.
func refused(t *testing.T, code int, env []string, args ...string) string {
	t.Helper()
	out, messages, got := coord(t, env, args...)
	require.Equal(t, code, got, "coord %q: %s", args, messages)
	require.Empty(t, out, "coord %q", args)
	line, rest, _ := strings.Cut(messages, "\n")
	require.Empty(t, rest, "coord %q says more than one line", args)
	require.True(t, strings.HasPrefix(line, "coord: "), "%q", line)
	return line
}
