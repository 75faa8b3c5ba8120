//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shells are those whose completion is tried, each with how it is started without its user's files, and what makes it complete. There is
// none for PowerShell, which was not to be had.
var shells = map[string]struct {
	args  []string
	setup string
	list  string // keys that show what there is, if it does not do so by itself
	needs string // a file without which it completes nothing
}{
	"bash": {
		[]string{"--norc", "--noprofile", "-i"}, `source /usr/share/bash-completion/bash_completion; source <(coord completion bash)`,
		"\t\t", "/usr/share/bash-completion/bash_completion",
	},
	"zsh":  {[]string{"-f", "-i"}, `autoload -U compinit; compinit -u -D; source <(coord completion zsh)`, "\t", ""},
	"fish": {[]string{"--no-config", "-i"}, `coord completion fish | source`, "", ""},
}

func TestShellsCompleteNamesFromTheStore(t *testing.T) {
	h := ownHome(t)
	_, _ = h.holds(t, "exec sleep 60", "there/deploy")
	_, _ = h.holds(t, "exec sleep 60", "there/migrate")
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			path, err := exec.LookPath(name)
			if err != nil {
				t.Skip("no such shell here")
			}
			if _, err := os.Stat(shell.needs); shell.needs != "" && err != nil {
				t.Skip(shell.needs + " is not here")
			}
			tt := h.terminalOf(t, exec.Command(path, shell.args...), "TERM=xterm", "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%q", tt.text())
				}
			})
			tt.types(t, shell.setup+"; echo rea''dy\r")
			tt.shows(t, "ready")
			tt.types(t, "coord -q lock describe the\t") // what the names have in common
			tt.shows(t, "re/")
			tt.types(t, shell.list)
			tt.shows(t, "migrate")
			tt.shows(t, "deploy")
			tt.types(t, "d\t\r")
			tt.shows(t, "holder")
			tt.types(t, "exit\r")
			_ = tt.cmd.Wait()
			require.NotContains(t, tt.text(), "unknown")
			require.Equal(t, 1, strings.Count(tt.text(), "PLACE "), "it has run what it completed, once")
		})
	}
}
