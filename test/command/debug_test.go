//go:build linux

package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inspect is a program that tells the arguments of the coord that runs it, and its own, as ps would.
const inspect = `tr '\0' ' ' </proc/$PPID/cmdline; echo; tr '\0' ' ' </proc/$$/cmdline; echo`

func TestDebugOutputAndArgumentsHoldNoSecrets(t *testing.T) {
	const password, value = "rootpw", "the-value"
	_, endpoint, _ := strings.Cut(guarded(t), "=")
	env, dir := withConfig(t)
	file := filepath.Join(dir, "password")
	require.NoError(t, os.WriteFile(file, []byte(password), 0o600))
	ok(t, env, "context", "set", "file", "--endpoints", endpoint, "--user", "root", "--password-file", file)
	ok(t, env, "context", "set", "variable", "--endpoints", endpoint, "--user", "root", "--password-env", "ROOT_PASSWORD")
	at := "COORD_ENDPOINTS=" + endpoint
	for name, c := range map[string]struct{ env, flags []string }{
		"flag":             {[]string{at}, []string{"--user", "root", "--password", password}},
		"flag of the user": {[]string{at}, []string{"--user=root:" + password}},
		"variable":         {[]string{at, "COORD_USER=root", "COORD_PASSWORD=" + password}, nil},
		"etcdctl's":        {[]string{at, "ETCDCTL_USER=root:" + password}, nil},
		"file":             {nil, []string{"--context", "file"}},
		"context variable": {[]string{"ROOT_PASSWORD=" + password}, []string{"--context", "variable"}},
	} {
		t.Run(name, func(t *testing.T) {
			env := append(append([]string{"COORD_DEBUG=1"}, env...), c.env...)
			for _, command := range [][]string{
				{"run", "-v", "l", "sh", "-c", inspect}, {"service", "register", "s", "--", "sh", "-c", inspect},
				{"kv", "put", "k", value}, {"doctor"}, {"context", "show"},
			} {
				out, messages, code := coord(t, env, append(c.flags, command...)...)
				require.Zero(t, code, "%q: %s", command, messages)
				require.Contains(t, messages, "msg=setting name=password source=", "%q", command)
				require.Contains(t, messages, "value=(hidden)\n", "%q", command)
				require.NotContains(t, out+messages, password, "%q", command)
				require.NotContains(t, messages, value, "%q", command)
				if command[0] == "run" {
					require.Contains(t, messages, "msg=session event=acquired primitive=mutex name=l token=")
					require.Contains(t, out, "run -v", "the arguments were looked at")
				}
			}
			out, messages, code := coord(t, append(env, "COORD_USER=", "COORD_PASSWORD=", "ETCDCTL_USER="), append(c.flags, "--user", "root:hushhush", "lock", "ls")...)
			require.Equal(t, 78, code, messages)
			require.NotContains(t, out+messages, "hushhush", "a password that is wrong")
		})
	}
}
