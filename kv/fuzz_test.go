package kv_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// The seeds run with every test. For more: go test ./kv -fuzz FuzzKey -fuzztime 1m -fuzzminimizetime 1x (without the last,
// most of the time goes into making long inputs shorter).

// someKeys are keys, good and bad, from which fuzzing sets out.
var someKeys = []string{
	"", "a", "a/", "a0", "a\x00", "ä", "a\u0308", "\u007f", "\ufffd", "\U0010FFFF",
	"\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "a\xffb",
	strings.Repeat("k", kv.MaxKeyLen), strings.Repeat("k", kv.MaxKeyLen+1), strings.Repeat("ä", kv.MaxKeyLen/2) + "k",
}

func FuzzKey(f *testing.F) {
	for _, k := range someKeys {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, k string) {
		var want error
		switch {
		case k == "":
			want = kv.ErrInvalid
		case len(k) > 1024:
			want = kv.ErrTooLarge
		case string([]rune(k)) != k: // of what is not UTF-8 a conversion makes something else
			want = kv.ErrInvalid
		}
		for what, err := range map[string]error{
			"Key.Validate":    kv.Key(k).Validate(),
			"Record.Validate": kv.Record{Key: kv.Key(k)}.Validate(),
		} {
			require.ErrorIs(t, err, want, what)
			require.Equal(t, want != nil, errors.Is(err, kv.ErrInvalid), what)
			require.Equal(t, want == kv.ErrTooLarge, errors.Is(err, kv.ErrTooLarge), what)
		}
	})
}

func FuzzPrefixRange(f *testing.F) {
	for i, k := range someKeys {
		f.Add(k, k)
		f.Add(k, someKeys[(i+1)%len(someKeys)])
		f.Add(k+"a", k)
	}
	f.Fuzz(func(t *testing.T, k, prefix string) {
		if kv.Key(k).Validate() != nil {
			return
		}
		start, end := kv.PrefixRange(kv.Key(prefix))
		in := start <= kv.Key(k) && kv.Key(k) <= end
		require.Equal(t, strings.HasPrefix(k, prefix), in, "%q in PrefixRange(%q) = (%q, %q)", k, prefix, start, end)
	})
}
