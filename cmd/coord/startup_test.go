//go:build linux

package main

import (
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// The start is a good part of what a command takes. What few of them need is made when they need it, and not by package
// initialisation: a compiled expression alone is above this limit.
func TestOurPackagesMakeNextToNothingBeforeMain(t *testing.T) {
	const limit = 1500 // bytes
	cmd := exec.Command(binary, "version")
	cmd.Env = shared.env("GODEBUG=inittrace=1")
	trace, err := cmd.CombinedOutput()
	require.NoError(t, err)
	packages := regexp.MustCompile(`init (github\.com/coordkit/coord/\S+) .* (\d+) bytes`).FindAllSubmatch(trace, -1)
	require.NotEmpty(t, packages)
	for _, p := range packages {
		bytes, err := strconv.Atoi(string(p[2]))
		require.NoError(t, err)
		require.LessOrEqual(t, bytes, limit, "allocated by the initialisation of %s", p[1])
	}
}
