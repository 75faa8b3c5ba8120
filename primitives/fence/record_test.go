package fence_test

import (
	"encoding/base64"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

func TestRecordIsReadableByOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		first := update(t, st, 5, to(`<b>"Grüße" & more</b>`))
		require.Contains(t, string(get(t, st).Value), `<b>\"Grüße\" & more</b>`, "text is kept as text")
		one := object(t, st)
		require.Equal(t, 1.0, one["format"])
		require.Equal(t, 5.0, one["token"])
		require.Equal(t, `<b>"Grüße" & more</b>`, one["value"])
		require.NotContains(t, one, "encoding")
		require.Equal(t, []any{map[string]any{"attempt": "", "version": 0.0}}, one["before"], "there was nothing before")

		update(t, st, 7, to("\xff\x00"))
		two := object(t, st)
		require.Equal(t, "base64", two["encoding"])
		require.Equal(t, base64.StdEncoding.EncodeToString([]byte("\xff\x00")), two["value"])
		require.NotEqual(t, one["attempt"], two["attempt"])
		require.Equal(t, []any{
			map[string]any{"attempt": one["attempt"], "version": float64(first)},
			map[string]any{"attempt": "", "version": 0.0},
		}, two["before"])

		update(t, st, 7, to("text again"))
		require.NotContains(t, object(t, st), "encoding")
		for range 20 {
			update(t, st, 7, to("x"))
		}
		require.Len(t, object(t, st)["before"], 8, "it does not grow")
		require.Less(t, len(get(t, st).Value), 1<<10)
	})
}

func TestUnknownFieldsAreKept(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		_, err := st.Create(t.Context(), kv.Record{Key: key, Value: kv.Value(
			` {"format": 1, "token": 5, "attempt": "a", "before": [], "value": "one", "Token": 99, "later": {"big": 9007199254740993}} `)})
		require.NoError(t, err)
		requireRecord(t, st, "one", 5)
		update(t, st, 6, and(" two"))
		requireRecord(t, st, "one two", 6)
		require.Contains(t, string(get(t, st).Value), `"later":{"big":9007199254740993}`)
		require.Contains(t, string(get(t, st).Value), `"Token":99`, "names are compared exactly")
	})
}

func TestWhatIsNoFencedRecordIsLeftAsItIs(t *testing.T) {
	for name, value := range map[string]string{
		"empty":             ``,
		"not JSON":          `hello`,
		"not an object":     `[1]`,
		"null":              `null`,
		"something behind":  `{"format":1,"token":5,"attempt":"a","before":[],"value":"v"} {}`,
		"cut":               `{"format":1,"token":5,"attempt":"a","before":[],"value":"v`,
		"not UTF-8":         "{\"format\":1,\"token\":5,\"attempt\":\"a\",\"before\":[],\"value\":\"\xff\"}",
		"no format":         `{"token":5,"attempt":"a","before":[],"value":"v"}`,
		"a later format":    `{"format":2,"token":5,"attempt":"a","before":[],"value":"v"}`,
		"no token":          `{"format":1,"attempt":"a","before":[],"value":"v"}`,
		"null token":        `{"format":1,"token":null,"attempt":"a","before":[],"value":"v"}`,
		"a token of zero":   `{"format":1,"token":0,"attempt":"a","before":[],"value":"v"}`,
		"a broken token":    `{"format":1,"token":5.5,"attempt":"a","before":[],"value":"v"}`,
		"a token as text":   `{"format":1,"token":"5","attempt":"a","before":[],"value":"v"}`,
		"no attempt":        `{"format":1,"token":5,"before":[],"value":"v"}`,
		"no before":         `{"format":1,"token":5,"attempt":"a","value":"v"}`,
		"no value":          `{"format":1,"token":5,"attempt":"a","before":[]}`,
		"broken base64":     `{"format":1,"token":5,"attempt":"a","before":[],"encoding":"base64","value":"*"}`,
		"another encoding":  `{"format":1,"token":5,"attempt":"a","before":[],"encoding":"gzip","value":"v"}`,
		"a value of number": `{"format":1,"token":5,"attempt":"a","before":[],"value":1}`,
		"a null value":      `{"format":1,"token":5,"attempt":"a","before":[],"value":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, st *memory.Storage) {
				_, err := st.Create(t.Context(), kv.Record{Key: key, Value: kv.Value(value)})
				require.NoError(t, err)
				before := get(t, st)

				_, err = fence.Update(t.Context(), st, key, 5, never)
				require.ErrorIs(t, err, fence.ErrFormat)
				var broken *fence.FormatError
				require.ErrorAs(t, err, &broken)
				require.Equal(t, before.Version, broken.Version)
				require.Error(t, broken.Err)
				_, _, err = fence.Read(t.Context(), st, key)
				require.ErrorIs(t, err, fence.ErrFormat)
				require.Equal(t, before, get(t, st), "nothing was overwritten")
			})
		})
	}
}

func FuzzValuesComeBackAsTheyWere(f *testing.F) {
	for _, s := range []string{"", "text", "\xff", "\x00", "\"\\\n<&>\u2028\ufffd", "{}", "\xed\xa0\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		st := memory.New(nil)
		defer st.Close()
		for _, token := range []kv.Version{1, 1<<63 - 1} { // one that creates, one that replaces
			update(t, st, token, to(string(value)))
			requireRecord(t, st, string(value), token)
		}
		require.True(t, utf8.Valid(get(t, st).Value), "the record is JSON, so it is UTF-8")
		got, _, err := fence.Read(t.Context(), st, key)
		require.NoError(t, err)
		require.Equal(t, len(value) == 0, got == nil, "an empty value is nil")
	})
}
