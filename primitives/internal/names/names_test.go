package names

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

func TestNamesOutOfBoundsAreInvalid(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("n", MaxLen+1), "a\x00b", "a\nb", "\xff", "a\u0085b", "\x7f"} {
		require.ErrorIs(t, Validate("lock", name), kv.ErrInvalid, "Validate(%q)", name)
	}
	for _, name := range []string{"a", "a/b", " ", "ü", "%2F", strings.Repeat("n", MaxLen)} {
		require.NoError(t, Validate("lock", name), "Validate(%q)", name)
	}
}

func TestEscapeKeepsOnlyPlainBytes(t *testing.T) {
	require.Equal(t, "a%2Fb%20%25~_-.Z9", Escape("a/b %~_-.Z9"))
	require.Equal(t, "%C3%BC", Escape("ü"))
}

func TestUnescapeTakesOnlyWhatEscapeWrote(t *testing.T) {
	for _, part := range []string{"%", "%2", "%2f", "%41", "a/b", "%GG"} {
		_, ok := Unescape(part)
		require.False(t, ok, "Unescape(%q)", part)
	}
}

func TestGroupTakesOnlyWhatIsOurs(t *testing.T) {
	var records kv.Records
	for _, key := range []kv.Key{"b/a/1", "b/a/2", "b/a%2Fb/1", "b/%41/1", "b/stray", "b/ü/1"} {
		records = append(records, kv.Record{Key: key})
	}
	require.Equal(t, map[string]kv.Records{
		"a":   {{Key: "b/a/1"}, {Key: "b/a/2"}},
		"a/b": {{Key: "b/a%2Fb/1"}},
	}, Group("b/", records))
}

func FuzzEscapeRoundTrip(f *testing.F) {
	f.Add("a/b")
	f.Add("%2F")
	f.Fuzz(func(t *testing.T, name string) {
		back, ok := Unescape(Escape(name))
		require.True(t, ok)
		require.Equal(t, name, back)
	})
}
