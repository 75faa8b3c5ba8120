package httplb

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/registry"
)

func FuzzHostNamesTheServiceThatItWasMadeOf(f *testing.F) {
	f.Add("orders")
	f.Add("a/b:80=%ü ~")
	f.Fuzz(func(t *testing.T, name string) {
		if registry.ValidateService(name) != nil {
			return
		}
		u, err := url.Parse("http://" + Host(name) + "/path")
		require.NoError(t, err)
		got, err := serviceOf(u)
		require.NoError(t, err)
		require.Equal(t, name, got)
		require.Equal(t, "/path", u.Path)
	})
}
