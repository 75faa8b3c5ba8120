//go:build linux

package main

import (
	"encoding/json"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDevStatusAndStopAreAboutTheStoreInTheBackground(t *testing.T) {
	t.Parallel()
	h := ownHome(t)
	status := func(code int) (v map[string]any) {
		out, messages, got := h.coord(t, "dev", "status", "-o", "json")
		require.Equal(t, code, got, messages)
		require.NoError(t, json.Unmarshal([]byte(out), &v))
		return v
	}
	require.Equal(t, false, status(1)["running"])
	_, messages, code := h.coord(t, "dev", "stop")
	require.Zero(t, code)
	require.Equal(t, "the local store does not run\n", messages)

	p, dir := h.holds(t, "until [ -e go ]; do sleep 0.02; done", "l")
	server := h.server(t)
	v := status(0)
	require.Equal(t, true, v["running"])
	require.Equal(t, true, v["in_use"])
	require.EqualValues(t, server, v["pid"])
	require.Regexp(t, `\.sock$`, v["socket"])
	require.Regexp(t, `^3\.`, v["version"])
	require.Positive(t, v["size_bytes"])
	require.Nil(t, v["idle_seconds"])

	_, messages, code = h.coord(t, "dev", "stop")
	require.Equal(t, 1, code)
	require.Equal(t, "coord: the local store is in use; --force ends its server all the same\n", messages)
	_, messages, code = h.coord(t, "dev", "stop", "--force")
	require.Zero(t, code, messages)
	eventually(t, func() bool { return !alive(server) })
	require.True(t, alive(childPid(t, dir)), "the holder goes on with another server")
	signal(t, p.Process.Pid, syscall.SIGTERM)
	require.Equal(t, 143, p.code(), p.err.String())

	eventually(t, func() bool { return status(0)["in_use"] == false })
	_, messages, code = h.coord(t, "dev", "stop")
	require.Zero(t, code, messages)
	require.Regexp(t, `^ended, process [0-9]+\n$`, messages)
	require.Equal(t, false, status(1)["running"])
}

func TestDevRunsAProgramThatIsCalledAsItsCommands(t *testing.T) {
	t.Parallel()
	_, messages, code := ownHome(t).coord(t, "dev", "--", "stop")
	require.Equal(t, 127, code, messages)
	_, messages, code = ownHome(t).coord(t, "dev", "sh", "-c", "exit 7")
	require.Equal(t, 7, code, messages)
}
