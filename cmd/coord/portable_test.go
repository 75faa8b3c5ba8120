//go:build linux

package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// portable is the command as other unixes have it: with the tag of that name it does here what it does there with signals and terminals.
var portable = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "portable")
	return path, exec.Command("go", "build", "-tags", "portable,nolocal", "-o", path, ".").Run()
})

// portably returns the command as other unixes have it, and what it needs in its environment to find the local store.
func portably(t *testing.T) (path, env string) {
	t.Helper()
	path, err := portable()
	require.NoError(t, err)
	return path, "COORD_SERVER=" + binary
}

func TestTopStopsAndGoesOnOnOtherUnixes(t *testing.T) {
	path, env := portably(t)
	stopsAndGoesOn(t, path, env, map[string]stopping{
		"^Z": {topAlone, "\x1a"}, "^Z within coord run": {topWithinRun, "\x1a"},
	})
}

// A program that is started after the terminal came back from another one starts as any program does.
func TestTerminalThatComesBackLeavesNoSignalIgnoredOnOtherUnixes(t *testing.T) {
	path, env := portably(t)
	tt := shared.terminalOf(t, exec.Command(path, "elect", "-q", "--restart", "--restart-delay", "10ms", t.Name(), "grep", "SigIgn", "/proc/self/status"), env)
	masks := regexp.MustCompile(`SigIgn:\s*([0-9a-f]+)`)
	eventually(t, func() bool { return strings.Count(tt.text(), "SigIgn") >= 3 })
	tt.types(t, "\x03")
	_ = tt.cmd.Wait()
	all := masks.FindAllStringSubmatch(tt.text(), -1)
	for _, m := range all {
		require.Equal(t, all[0][1], m[1])
	}
}
