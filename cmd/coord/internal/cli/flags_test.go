//go:build unix

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// call runs the command in this process, where no store is to be had.
func call(t *testing.T, args ...string) (out, messages string, code int) {
	t.Helper()
	env := map[string]string{"COORD_LOCAL": "off"}
	t.Setenv("COORD_LOCAL", "off")
	var o, e bytes.Buffer
	code = Main(t.Context(), args, IO{
		In: strings.NewReader(""), Out: &o, Err: &e,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	return o.String(), e.String(), code
}

func TestMistakesInACallAreOneLineAndTheUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"run", "--slots", "0", "l", "true"}, "--slots 0 is not positive"},
		{[]string{"run", "--slots", "-1", "l", "true"}, "--slots -1 is not positive"},
		{[]string{"run", "--slots", "many", "l", "true"}, "many"},
		{[]string{"run", "-s", "--slots", "2", "l", "true"}, "--shared"},
		{[]string{"run", "-s", "-x", "l", "true"}, "opposite"},
		{[]string{"run", "-x", "--slots", "2", "l", "true"}, "opposite"},
		{[]string{"run", "--resize", "l", "true"}, "--resize needs --slots"},
		{[]string{"run", "-q", "-v", "l", "true"}, "opposite"},
		{[]string{"run", "l", "-c"}, "-c takes one argument"},
		{[]string{"run", "l", "-c", "a", "b"}, "-c takes one argument, the command for the shell, and got 2"},
		{[]string{"run", "-c", "l", "a", "b"}, "-c takes one argument"},
		{[]string{"run", "-c", "l"}, "no command"},
		{[]string{"elect"}, "which election"},
		{[]string{"elect", "e"}, "no command"},
		{[]string{"elect", "e", "--"}, "no command"},
		{[]string{"elect", "a\nb", "true"}, "control character"},
		{[]string{"elect", "--id", "\xff", "e", "true"}, "--id"},
		{[]string{"elect", "--value", "\xff", "e", "true"}, "--value"},
		{[]string{"elect", "--priority", "high", "e", "true"}, "high"},
		{[]string{"elect", "--restart", "-n", "e", "true"}, "--restart"},
		{[]string{"elect", "--restart", "-w", "1", "e", "true"}, "--restart"},
		{[]string{"elect", "--restart-delay", "1s", "e", "true"}, "needs --restart"},
		{[]string{"elect", "--restart", "--restart-delay", "0", "e", "true"}, "must be positive"},
		{[]string{"elect", "--note", "\xff", "e", "true"}, "--note"},
		{[]string{"elect", "--slots", "2", "e", "true"}, "unknown flag"},
		{[]string{"elect", "observe"}, "argument"},
		{[]string{"elect", "observe", "a", "b"}, "argument"},
		{[]string{"elect", "observe", "\xff"}, "UTF-8"},
		{[]string{"elect", "observe", "-o", "xml", "e"}, "want text or jsonl"},
	} {
		t.Run(strings.ToValidUTF8(strings.Join(c.args, " "), "?"), func(t *testing.T) {
			out, messages, code := call(t, c.args...)
			require.Equal(t, exitUsage, code, messages)
			require.Empty(t, out)
			lines := strings.Split(strings.TrimSuffix(messages, "\n"), "\n")
			require.Len(t, lines, 2, messages)
			require.True(t, strings.HasPrefix(lines[0], "coord: "), messages)
			require.Contains(t, lines[0], c.says)
			require.True(t, strings.HasPrefix(lines[1], "usage: coord "+c.args[0]), messages)
		})
	}
}

func TestAShellRunsWhatFollowsC(t *testing.T) {
	lookup := func(name string) (string, bool) { return "/bin/zsh", name == "SHELL" }
	for _, c := range []struct {
		args string
		want []string
	}{
		{"run L true -c x", []string{"true", "-c", "x"}},
		{"run L -- -c x", []string{"-c", "x"}},
		{"run L -- true", []string{"true"}},
		{"run L -c x", []string{"/bin/zsh", "-c", "x"}},
		{"run L --command x", []string{"/bin/zsh", "-c", "x"}},
		{"run -c L x", []string{"/bin/zsh", "-c", "x"}},
		{"run -c L -- x", []string{"/bin/zsh", "-c", "x"}},
		{"run -nc L x", []string{"/bin/zsh", "-c", "x"}},
	} {
		a := &app{IO: IO{LookupEnv: lookup}}
		o := &runOptions{jobFlags: jobFlags{app: a}}
		cmd := newRunCmd(a)
		require.NoError(t, cmd.ParseFlags(strings.Fields(c.args)[1:]))
		o.shell, _ = cmd.Flags().GetBool("command")
		got, err := o.program(cmd.Flags().Args()[1:])
		require.NoError(t, err, c.args)
		require.Equal(t, c.want, got, c.args)
	}
	require.Equal(t, "/bin/sh", (&app{IO: IO{LookupEnv: func(string) (string, bool) { return "", true }}}).shell(), "an empty SHELL is none")
}

func TestFlagsOfFlockAreUnderstood(t *testing.T) {
	// Each comes as far as to find no store.
	for _, args := range []string{
		"-x", "--exclusive", "-s", "--shared", "-n", "--nb", "--nonblock", "-w 2.5", "--wait 2", "--timeout 2", "-E 3", "--conflict-exit-code 3", "--verbose",
	} {
		_, messages, code := call(t, append(append([]string{"run"}, strings.Fields(args)...), "L", "true")...)
		require.Equal(t, exitConfig, code, "%s: %s", args, messages)
	}
}

func TestObserveIsAlsoAnElectionsName(t *testing.T) {
	_, messages, code := call(t, "elect", "--", "observe", "no-such-program")
	require.Equal(t, 127, code, messages)
	_, messages, code = call(t, "elect", "observe", "no-such-election")
	require.Equal(t, exitConfig, code, messages)
}

func TestStatusFileThatCannotBeWrittenIsKnownBeforeAnythingElse(t *testing.T) {
	dir := t.TempDir()
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Symlink(fifo, link))
	for _, file := range []string{dir, fifo, link, filepath.Join(dir, "no", "such")} {
		_, messages, code := call(t, "run", "--status-file", file, "l", "true")
		require.Equal(t, exitConfig, code, messages)
		require.Contains(t, messages, "--status-file")
		require.Equal(t, 1, strings.Count(messages, "\n"), messages)
	}
	info, err := os.Lstat(fifo)
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular(), "it was replaced")
}
