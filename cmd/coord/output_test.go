//go:build linux

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOutputToAClosedPipeEndsSilently(t *testing.T) {
	_, _ = shared.holds(t, "sleep 60", t.Name())
	for _, args := range []string{"lock ls", "lock ls -o json", "lock ls --watch", "version", "help"} {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, r.Close())
		p := &process{Cmd: exec.Command(binary, strings.Fields(args)...), t: t}
		p.Env, p.Stdout, p.Stderr = shared.env(), w, &p.err
		require.NoError(t, p.Start())
		require.NoError(t, w.Close())
		require.Zero(t, p.code(), "coord %s: a signal would have ended it otherwise: %s", args, p.err.String())
		require.NotContains(t, p.err.String(), "pipe", "coord %s", args)
	}
}
