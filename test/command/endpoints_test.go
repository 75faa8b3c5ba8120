//go:build unix

package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/test/internal/etcdtest"
)

func TestEndpointsWithAndWithoutASchemeGoTogether(t *testing.T) {
	plain := etcdtest.Start(t).Endpoint()
	bare := strings.TrimPrefix(plain, "http://")
	for _, list := range []string{bare + "," + plain, plain + "," + bare, bare} {
		require.Equal(t, "[]\n", ok(t, []string{"COORD_ENDPOINTS=" + list}, "lock", "ls", "-o", "json"), list)
		require.Contains(t, ok(t, nil, "--endpoints", list, "doctor"), "ok    endpoint", list)
	}
	secure, cert, key := mutual(t)
	bare = strings.TrimPrefix(secure, "https://")
	for _, list := range []string{bare + "," + secure, secure + "," + bare, bare} {
		files := []string{"--cacert", cert, "--cert", cert, "--key", key, "--endpoints", list}
		require.Equal(t, "[]\n", ok(t, nil, append(files, "lock", "ls", "-o", "json")...), list)
		require.NotContains(t, ok(t, nil, append(files, "doctor")...), "fail", list)
	}
	for _, list := range []string{plain + "," + secure, bare + "," + secure + "," + plain} {
		for _, args := range []string{"lock ls", "run l true"} {
			message := refused(t, 78, []string{"COORD_ENDPOINTS=" + list}, strings.Fields(args)...)
			require.Contains(t, message, "differ in scheme, and one connection serves both", list)
		}
		require.Contains(t, sick(t, []string{"COORD_ENDPOINTS=" + list}), "differ in scheme", list)
	}
	require.Contains(t, refused(t, 78, nil, "--endpoints", bare+","+plain, "--cacert", cert, "lock", "ls"), "is plain http")
}
