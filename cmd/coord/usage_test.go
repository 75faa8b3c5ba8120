//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"run"}, {"run", "l"}, {"run", "l", "--"}, {"run", "--bogus", "l", "true"},
		{"run", "--ttl", "nonsense", "l", "true"}, {"run", "--ttl", "-1s", "l", "true"}, {"run", "--ttl", "0", "l", "true"},
		{"run", "--kill-after", "-1s", "l", "true"}, {"run", "-w", "-1", "l", "true"}, {"run", "-w", "soon", "l", "true"},
		{"run", "-E", "256", "l", "true"}, {"run", "-E", "-1", "l", "true"},
		{"run", "", "true"}, {"run", strings.Repeat("l", 256), "true"}, {"run", "\xff", "true"}, {"run", "a\nb", "true"},
		{"run", "--note", "\xff", "l", "true"}, {"run", "--note", strings.Repeat("n", 5000), "l", "true"},
		{"bogus"}, {"lock", "bogus"}, {"lock", "ls", "extra"}, {"lock", "ls", "-o", "xml"}, {"lock", "describe"},
		{"lock", "describe", ""}, {"lock", "break", "l"}, {"lock", "break", "--yes", "--token", "0", "l"}, {"dev", "--listen", "nonsense", "true"},
	} {
		t.Run(strings.ReplaceAll(strings.Join(args, " "), "\n", " "), func(t *testing.T) {
			out, messages, code := shared.coord(t, args...)
			require.Equal(t, 64, code, messages)
			require.Empty(t, out)
			require.True(t, strings.HasPrefix(messages, "coord: "), messages)
		})
	}
}

func TestConfigurationErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, env := range map[string]string{
		"local store forbidden":       "COORD_LOCAL=off",
		"state directory not usable":  "XDG_STATE_HOME=" + file,
		"endpoint that is none":       "COORD_ENDPOINTS=http://[",
		"TLS file that is not there":  "COORD_CACERT=" + file + ".pem",
		"dial timeout that is none":   "COORD_DIAL_TIMEOUT=soon",
		"certificate without its key": "COORD_CERT=" + file,
	} {
		t.Run(name, func(t *testing.T) {
			h := ownHome(t)
			dir := t.TempDir()
			args := []string{"run", "l", "touch", "ran"}
			if strings.Contains(env, "CERT") {
				args = append([]string{"--endpoints", "https://127.0.0.1:1"}, args...)
			}
			p := h.startEnv(t, dir, env, args...)
			require.Equal(t, 78, p.code(), p.err.String())
			require.Equal(t, 1, strings.Count(p.err.String(), "\n"), "one line: %s", p.err.String())
			require.NoFileExists(t, filepath.Join(dir, "ran"))
		})
	}
}

func TestLockListAndDescribe(t *testing.T) {
	h := ownHome(t)
	out, _, code := h.coord(t, "lock", "ls", "-o", "json")
	require.Zero(t, code)
	require.Equal(t, "[]\n", out)
	_, messages, code := h.coord(t, "lock", "describe", "a/b")
	require.Equal(t, 1, code)
	require.Contains(t, messages, `nobody holds lock "a/b"`)

	_, _ = h.holds(t, "sleep 60", "--note", "a note", "a/b")
	out, _, code = h.coord(t, "lock", "ls", "-o", "json")
	require.Zero(t, code)
	var locks []struct {
		Name    string
		Holders []struct {
			Token   int64
			Program string
			PID     int
			Note    string
			TTL     float64 `json:"ttl_seconds"`
		}
		Queue []any
	}
	require.NoError(t, json.Unmarshal([]byte(out), &locks))
	require.Len(t, locks, 1)
	require.Equal(t, "a/b", locks[0].Name)
	require.Empty(t, locks[0].Queue)
	require.Len(t, locks[0].Holders, 1)
	holder := locks[0].Holders[0]
	require.Positive(t, holder.Token)
	require.Equal(t, "sh", holder.Program)
	require.Equal(t, "a note", holder.Note)
	require.InDelta(t, 15, holder.TTL, 10)

	out, _, code = h.coord(t, "lock", "ls", "-o", "name")
	require.Zero(t, code)
	require.Equal(t, "a/b\n", out)
	for _, format := range []string{"table", "wide"} {
		out, _, code = h.coord(t, "lock", "describe", "a/b", "-o", format)
		require.Zero(t, code)
		require.Contains(t, out, "holder")
		require.Contains(t, out, "a note")
	}
	_, _ = h.holds(t, "sleep 60", "--note", "a\x1b[31m\tb\nc", "evil")
	out, _, code = h.coord(t, "lock", "ls", "-o", "wide")
	require.Zero(t, code)
	require.NotContains(t, out, "\x1b", "a note can act on the terminal")
	require.Equal(t, 3, strings.Count(out, "\n"))
	_, messages, code = h.coord(t, "run", "-w", "0.5", "evil", "true")
	require.Equal(t, 75, code)
	require.NotContains(t, messages, "\x1b")

	_, messages, code = h.coord(t, "lock", "break", "--yes", "--token", "1", "a/b")
	require.Equal(t, 1, code, messages)
}

func TestDev(t *testing.T) {
	out, messages, code := shared.coord(t, "dev", "sh", "-c", "echo $COORD_ENDPOINTS; exit 3")
	require.Equal(t, 3, code, messages)
	require.NotEmpty(t, strings.TrimSpace(out))
	out, messages, code = shared.coord(t, "dev", "--", binary, "run", "l", "sh", "-c", "echo $COORD_LOCK_NAME")
	require.Zero(t, code, messages)
	require.Equal(t, "l\n", out)
	require.NotContains(t, messages, "local store")
}

func TestVersion(t *testing.T) {
	out, _, code := shared.coord(t, "version")
	require.Zero(t, code)
	require.Contains(t, out, "embedded etcd 3.")
}
