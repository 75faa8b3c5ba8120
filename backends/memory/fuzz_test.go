package memory_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
)

// The seeds run with every test. For more: go test ./backends/memory -fuzz FuzzSequence -fuzztime 1m -fuzzminimizetime 1x
// (without the last, most of the time goes into making long inputs shorter).

// A record that Validate takes is stored and comes back as it was, by its key and in the range of any prefix; no other is stored.
func FuzzRecord(f *testing.F) {
	for _, k := range []string{"", "k", "ä", "a\x00b", "\xff", "a\xed\xa0\x80", strings.Repeat("k", kv.MaxKeyLen)} {
		f.Add(k, []byte(nil))
		f.Add(k, []byte("value\xff\x00"))
	}
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		st := memory.New(nil)
		defer st.Close()
		r := kv.Record{Key: kv.Key(key), Value: value}
		v, err := st.Create(t.Context(), r)
		invalid := r.Validate()
		require.Equal(t, invalid == nil, err == nil, "Create(%q) = %v, Validate = %v", key, err, invalid)
		start, end := kv.PrefixRange("")
		recs, rangeErr := st.GetRange(t.Context(), start, end)
		require.NoError(t, rangeErr)
		got, err := st.Get(t.Context(), r.Key)
		if invalid != nil {
			require.Error(t, err)
			require.Empty(t, recs)
			return
		}
		require.NoError(t, err)
		require.Equal(t, string(value), string(got.Value))
		require.Equal(t, r.Key, got.Key)
		require.Equal(t, v, got.Version)
		require.Equal(t, kv.Records{got}, recs)
		for i := range len(key) + 1 {
			recs, err := st.GetRange(t.Context(), r.Key[:i], r.Key[:i]+"\xff")
			require.NoError(t, err)
			require.Equal(t, kv.Records{got}, recs, "the range of the prefix %q", key[:i])
		}
	})
}

// GetRange returns what a look at every key would.
func FuzzRange(f *testing.F) {
	const keys = "a a/ a0 a\x00 b ä \U0010FFFF \ufffd A"
	for _, ends := range [][2]string{
		{"", ""}, {"a", "b"}, {"a", "a\xff"}, {"", "\xff"}, {"b", "a"}, {"a", ""}, {"a\x00", "a\x00"}, {"\xed\xa0", "\xff\xff"},
	} {
		f.Add(keys, ends[0], ends[1])
	}
	f.Fuzz(func(t *testing.T, keys, start, end string) {
		st := memory.New(nil)
		defer st.Close()
		want := []string{}
		for _, k := range strings.Split(keys, " ") {
			if _, err := st.Create(t.Context(), kv.Record{Key: kv.Key(k), Value: kv.Value(k)}); err == nil && k >= start && k <= end {
				want = append(want, k)
			}
		}
		slices.Sort(want)
		recs, err := st.GetRange(t.Context(), kv.Key(start), kv.Key(end))
		require.NoError(t, err)
		require.NotNil(t, recs)
		got := []string{}
		for _, r := range recs {
			require.Equal(t, string(r.Key), string(r.Value))
			got = append(got, string(r.Key))
		}
		require.Equal(t, want, got, "GetRange(%q, %q)", start, end)
	})
}

// Whatever the sequence of operations, the store answers as the contract's model does.
func FuzzSequence(f *testing.F) {
	for seed := range byte(4) {
		program := make([]byte, 3000)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(program)
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		const most = 1 << 12 // so that an input takes milliseconds
		kvtest.DifferentialProgram(t, backend(), program[:min(len(program), most)])
	})
}
