//go:build unix

package cli

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionIsForPeopleAndForPrograms(t *testing.T) {
	b := &bench{t: t}
	require.True(t, strings.HasPrefix(b.ok("version"), "coord "))
	require.Contains(t, b.ok("version"), "\nembedded etcd ")
	var v versionView
	require.NoError(t, json.Unmarshal([]byte(b.ok("version", "-o", "json")), &v))
	require.Equal(t, runtime.Version(), v.Go)
	require.Equal(t, runtime.GOOS+"/"+runtime.GOARCH, v.Platform)
	require.Contains(t, b.ok("version", "-o", "yaml"), "go: "+runtime.Version())
	require.Contains(t, b.no(exitUsage, "version", "-o", "xml"), "want text, json or yaml")
}

func TestNothingIsColouredWithOrWithoutNoColor(t *testing.T) {
	for _, env := range []map[string]string{{}, {"NO_COLOR": "1"}, {"CLICOLOR_FORCE": "1", "TERM": "xterm-256color"}} {
		onMemory(t, func(t *testing.T, b *bench) {
			b.env, b.terminal, b.columns = env, true, 100
			b.ok("kv", "put", "k", "v")
			for _, args := range []string{"kv ls", "kv get k", "lock ls", "version", "help", "kv ls -o json", "kv ls -o wide"} {
				out, messages, _ := b.run(strings.Fields(args)...)
				require.NotContains(t, out+messages, "\x1b", args)
			}
		})
	}
}
