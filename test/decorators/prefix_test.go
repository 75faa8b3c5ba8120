package decorators

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
)

// neighbours is a store with records at the prefix "n/" itself, beneath it, and all around it.
func neighbours(t *testing.T) *memory.Storage {
	st := memory.New(nil)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	for _, k := range []kv.Key{"\x00", "a", "n", "n.", "n/", "n/a", "n/b", "n/\U0010FFFF", "n0", "z", "\U0010FFFF"} {
		_, err := st.Create(t.Context(), kv.Record{Key: k, Value: kv.Value(k)})
		require.NoError(t, err)
	}
	return st
}

func names(records kv.Records) string {
	var keys []string
	for _, r := range records {
		keys = append(keys, string(r.Key))
	}
	return strings.Join(keys, " ")
}

// ends are ranges, and what a namespace of neighbours has in them.
var ends = []struct {
	start, end kv.Key
	want       string
}{
	{"", "\xff", "a b \U0010FFFF"},
	{"", "\xff\xff\xff\xff", "a b \U0010FFFF"},
	{"", "\U0010FFFF", "a b \U0010FFFF"},
	{"", "a", "a"},
	{"", "\x00", ""},
	{"", "", ""},
	{"a", "", ""},
	{"\xff", "\xff\xff", ""},
	{"\x00", "\xc3", "a b"},
	{"a\xff", "b\xed\xa0", "b"},
	{"b", "a", ""},
	{"0", "zz", "a b"},
	{"n/", "n/\xff", ""}, // with the prefix twice
	{"", kv.Key(strings.Repeat("b", 2*kv.MaxKeyLen)), "a b"},
}

func TestNoEndOfARangeLeavesThePrefix(t *testing.T) {
	ns := kv.WithPrefix(neighbours(t), "n/")
	for _, c := range ends {
		records, err := ns.GetRange(t.Context(), c.start, c.end)
		require.NoError(t, err)
		require.NotNil(t, records)
		require.Equal(t, c.want, names(records), "GetRange(%q, %.20q)", c.start, string(c.end))
	}
}

func TestNoEndOfAnAppendLeavesThePrefix(t *testing.T) {
	ns := kv.WithPrefix(neighbours(t), "n/")
	a, ok := kv.As[kv.Appender](ns)
	require.True(t, ok)
	for _, c := range ends {
		_, prev, ahead, err := a.Append(t.Context(), kv.Record{Key: "z"}, c.start, c.end)
		require.NoError(t, err)
		want := strings.Fields(c.want)
		require.Equal(t, len(want), ahead, "Append in (%q, %.20q)", c.start, string(c.end))
		if len(want) == 0 {
			require.Equal(t, kv.Record{}, prev)
		} else {
			require.Equal(t, want[len(want)-1], string(prev.Key)) // they were created in the order of keys
		}
		require.NoError(t, ns.Delete(t.Context(), "z"))
	}
}

func TestNoEndOfAPlaceLeavesThePrefix(t *testing.T) {
	ns := kv.WithPrefix(neighbours(t), "n/")
	p, ok := kv.As[kv.PlaceReader](ns)
	require.True(t, ok)
	_, err := ns.Create(t.Context(), kv.Record{Key: "z"})
	require.NoError(t, err)
	for _, c := range ends {
		own, prev, err := p.ReadPlace(t.Context(), "z", math.MaxInt64, c.start, c.end)
		require.NoError(t, err)
		require.Equal(t, kv.Key("z"), own.Key)
		want := ""
		if all := strings.Fields(c.want); len(all) > 0 {
			want = all[len(all)-1] // they were created in the order of keys
		}
		require.Equal(t, want, string(prev.Key), "ReadPlace in (%q, %.20q)", c.start, string(c.end))
	}
}

func TestNoEndOfAWatchLeavesThePrefix(t *testing.T) {
	st := neighbours(t)
	rw, ok := kv.As[kv.RangeWatcher](kv.WithPrefix(st, "n/"))
	require.True(t, ok)
	for _, c := range ends {
		for event, err := range rw.WatchRange(t.Context(), c.start, c.end) {
			require.NoError(t, err)
			require.Equal(t, c.want, names(event.Puts), "WatchRange(%q, %.20q)", c.start, string(c.end))
			break
		}
	}
}

func TestEventsOfANamespaceAreWithoutThePrefix(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		rw, _ := kv.As[kv.RangeWatcher](kv.WithPrefix(st, "n/"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events := make(chan kv.RangeEvent, 10)
		ended := make(chan error, 1)
		go func() {
			for event, err := range rw.WatchRange(ctx, "", "\xff") {
				if err != nil {
					ended <- err
				} else {
					events <- event
				}
			}
		}()
		require.True(t, (<-events).Reset)
		l, err := st.Lessor().NewLease(ctx, time.Minute, true)
		require.NoError(t, err)
		for _, k := range []kv.Key{"n", "n/b", "n/a", "n/", "o"} {
			_, err := st.Create(ctx, kv.Record{Key: k, Lease: l.Id()})
			require.NoError(t, err)
		}
		require.Equal(t, kv.Key("b"), (<-events).Puts[0].Key)
		require.Equal(t, kv.Key("a"), (<-events).Puts[0].Key)
		require.NoError(t, l.Release())
		require.Equal(t, []kv.Key{"a", "b"}, (<-events).Deletes)
		cancel()
		var said *kv.OpError
		require.ErrorAs(t, <-ended, &said)
		require.Empty(t, said.Key, "the start of the range as the caller gave it")
	})
}

func TestNamespacesOfOneStoreAreApart(t *testing.T) {
	st := memory.New(nil)
	defer st.Close()
	a, b := kv.WithPrefix(st, "a/"), kv.WithPrefix(st, "b/")
	v, err := a.Create(t.Context(), kv.Record{Key: "k", Value: kv.Value("of a")})
	require.NoError(t, err)
	w, err := b.Create(t.Context(), kv.Record{Key: "k", Value: kv.Value("of b")})
	require.NoError(t, err)
	require.Greater(t, w, v, "versions are the store's")
	require.NoError(t, b.Delete(t.Context(), "k"))
	_, err = b.WaitForVersionChange(t.Context(), "k", w)
	require.ErrorIs(t, err, kv.ErrNotFound)
	rec, err := st.Get(t.Context(), "a/k")
	require.NoError(t, err)
	require.Equal(t, kv.Record{Key: "a/k", Value: kv.Value("of a"), Version: v}, rec)
	rec, err = kv.WithPrefix(kv.WithPrefix(st, "a"), "/").Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, kv.Record{Key: "k", Value: kv.Value("of a"), Version: v}, rec, "prefixes nest")
}

func TestErrorsOfANamespaceTellTheCallersKeyOnce(t *testing.T) {
	st := memory.New(nil)
	defer st.Close()
	_, err := kv.WithPrefix(kv.WithPrefix(st, "a/"), "b/").Get(t.Context(), "k")
	require.EqualError(t, err, `get "k": not found`)
}

func TestKeysOfANamespaceAreBoundedAsStored(t *testing.T) {
	st := memory.New(nil)
	defer st.Close()
	ns := kv.WithPrefix(kv.WithPrefix(st, "ab/"), "cde/")
	longest := kv.Key(strings.Repeat("k", kv.MaxKeyLen-len("ab/cde/")))
	_, err := ns.Create(t.Context(), kv.Record{Key: longest})
	require.NoError(t, err)
	_, err = ns.Create(t.Context(), kv.Record{Key: longest + "k"})
	require.ErrorIs(t, err, kv.ErrTooLarge)
	var said *kv.OpError
	require.ErrorAs(t, err, &said)
	require.Equal(t, longest+"k", said.Key)
	_, err = ns.Get(t.Context(), "")
	require.ErrorIs(t, err, kv.ErrInvalid, "with the prefix it would be a key")
	_, err = ns.Create(t.Context(), kv.Record{Key: "\x80"})
	require.ErrorIs(t, err, kv.ErrInvalid)
}

func TestEmptyPrefixIsTheStoreItself(t *testing.T) {
	st := memory.New(nil)
	defer st.Close()
	require.Same(t, st, kv.WithPrefix(st, ""))
}

func TestInvalidPrefixIsRefusedByEveryCall(t *testing.T) {
	st := memory.New(nil)
	defer st.Close()
	ctx := t.Context()
	for _, prefix := range []kv.Key{"a\xff", "\xc3", kv.Key(strings.Repeat("p", kv.MaxKeyLen))} {
		ns := kv.WithPrefix(st, prefix)
		a, _ := kv.As[kv.Appender](ns)
		rw, _ := kv.As[kv.RangeWatcher](ns)
		for op, err := range map[string]error{
			"create":    second(ns.Create(ctx, kv.Record{Key: "k"})),
			"get":       second(ns.Get(ctx, "k")),
			"get range": second(ns.GetRange(ctx, "k", "l")),
			"cas":       second(ns.CasByVersion(ctx, kv.Record{Key: "k"})),
			"delete":    ns.Delete(ctx, "k"),
			"wait":      second(ns.WaitForVersionChange(ctx, "k", 1)),
			"append": func() error {
				_, _, _, err := a.Append(ctx, kv.Record{Key: "k"}, "", "")
				return err
			}(),
			"watch range": func() (last error) {
				for _, last = range rw.WatchRange(ctx, "k", "l") {
				}
				return last
			}(),
			"new lease": second(ns.Lessor().NewLease(ctx, time.Minute, false)),
			"get lease": second(ns.Lessor().GetLease(1)),
		} {
			require.ErrorIs(t, err, kv.ErrInvalid, "%s with prefix %.5q", op, string(prefix))
			var said *kv.OpError
			require.ErrorAs(t, err, &said)
			require.Equal(t, op, said.Op)
		}
	}
	longest := kv.WithPrefix(st, kv.Key(strings.Repeat("p", kv.MaxKeyLen-1)))
	_, err := longest.Create(ctx, kv.Record{Key: "k"})
	require.NoError(t, err)
}

func second[T any](_ T, err error) error { return err }
