//go:build linux

package title

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// word asks the test binary for what it sees of itself.
const word = "show-arguments"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == word {
		fmt.Printf("%q\n", Hide(os.Args[2:]))
		seen, err := os.ReadFile("/proc/self/cmdline")
		if err != nil {
			panic(err)
		}
		_, seen, _ = bytes.Cut(seen, []byte(word+"\x00"))
		fmt.Printf("%q\n", strings.Split(strings.TrimSuffix(string(seen), "\x00"), "\x00"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestPasswordsAreNotSeenAmongTheArguments(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	for args, want := range map[string]string{
		"lock ls":                         "lock ls",
		"--password hush lock ls":         "--password **** lock ls",
		"lock ls --password=hush":         "lock ls --password=****",
		"--user ann:hush lock ls":         "--user ann:**** lock ls",
		"--user=ann:hu:sh lock ls":        "--user=ann:***** lock ls",
		"--user ann --password":           "--user ann --password",
		"--user= --password= --user ann:": "--user= --password= --user ann:",
		"run l mysql --password hush -x":  "run l mysql --password **** -x",
		"--password-file f --username u":  "--password-file f --username u",
		"--password --user x":             "--password ****** x",
	} {
		given := strings.Fields(args)
		cmd := exec.Command(exe, append([]string{word}, given...)...)
		cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // the race detector would hold up each exit by a second
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%q\n%q\n", given, strings.Fields(want)), string(out))
	}
}
