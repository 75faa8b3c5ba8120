package kvtest

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var recordCases = []Case{
	{"Create stores what Get returns, to every client", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		for _, st := range []kv.Storage{f.st, f.far} {
			rec, err := st.Get(f.ctx, f.key("k"))
			require.NoError(f, err)
			require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("one"), Version: v}, rec, `Get("k")`)
		}
	}},
	{"Create of a present key changes nothing and tells its version", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		got, err := f.far.Create(f.ctx, kv.Record{Key: f.key("k"), Value: kv.Value("two")})
		require.ErrorIs(f, err, kv.ErrAlreadyExists)
		require.Equal(f, v, got, "Create = version %d, want the stored %d", got, v)
		rec, err := f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
		require.Equal(f, "one", string(rec.Value))
	}},
	{"Create ignores the record's version", func(f *fixture) {
		_, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Version: 1 << 60})
		require.NoError(f, err)
		v, err := f.st.Create(f.ctx, kv.Record{Key: f.key("l"), Version: -1})
		require.NoError(f, err)
		require.Positive(f, v)
	}},
	{"Get of an absent key is ErrNotFound", func(f *fixture) { f.absent(f.key("k")) }},
	{"Delete removes, and of an absent key is ErrNotFound", func(f *fixture) {
		f.create(f.key("k"), "one")
		f.delete(f.key("k"))
		f.absent(f.key("k"))
		require.ErrorIs(f, f.st.Delete(f.ctx, f.key("k")), kv.ErrNotFound)
	}},
	{"CasByVersion replaces the value at its version", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		next, err := f.far.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Value: kv.Value("two")})
		require.NoError(f, err)
		rec, err := f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
		require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("two"), Version: next}, rec)
	}},
	{"CasByVersion of an absent key is ErrNotFound, whatever the version", func(f *fixture) {
		for _, v := range []kv.Version{-1, 0, 1, 1 << 60} {
			_, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v})
			require.ErrorIs(f, err, kv.ErrNotFound, "CasByVersion(absent, %d)", v)
		}
		f.absent(f.key("k"))
	}},
	{"CasByVersion at another version changes nothing and tells the stored one", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		for _, wrong := range []kv.Version{-1, 0, v - 1, v + 1} {
			got, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: wrong, Value: kv.Value("two")})
			require.ErrorIs(f, err, kv.ErrWrongVersion, "CasByVersion(%d)", wrong)
			require.Equal(f, v, got, "CasByVersion(%d) = version %d, want the stored %d", wrong, got, v)
		}
	}},
	{"nil and empty values are the same", func(f *fixture) {
		for _, value := range []kv.Value{nil, {}} {
			_, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Value: value})
			require.NoError(f, err)
			rec, err := f.st.Get(f.ctx, f.key("k"))
			require.NoError(f, err)
			require.Empty(f, rec.Value)
			f.delete(f.key("k"))
		}
	}},
	{"values are copied in both directions", func(f *fixture) {
		value := kv.Value("one")
		v, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Value: value})
		require.NoError(f, err)
		value[0] = 'X'
		rec, err := f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
		require.Equal(f, "one", string(rec.Value), "changed after Create")
		rec.Value[0] = 'Y'
		start, end := kv.PrefixRange(f.base)
		recs, err := f.st.GetRange(f.ctx, start, end)
		require.NoError(f, err)
		require.Equal(f, "one", string(recs[0].Value), "changed after Get")
		recs[0].Value[0] = 'Z'
		value = kv.Value("two")
		c := f.wait(f.ctx, f.st, f.key("k"), v)
		d := f.wait(f.ctx, f.st, f.key("k"), v)
		_, err = f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Value: value})
		require.NoError(f, err)
		value[0] = 'X'
		first, second := f.result(c), f.result(d)
		require.Equal(f, "two", string(first.rec.Value))
		first.rec.Value[0] = 'Y'
		require.Equal(f, "two", string(second.rec.Value), "two waits share a value")
	}},
	{"keys of any bytes that are UTF-8 are kept apart", func(f *fixture) {
		keys := []kv.Key{"a", "a/", "a0", "a\x00", "a\x00b", "A", "ä", "a b", "a\n", "\u007f", "\U0010FFFF"}
		for i, k := range keys {
			f.create(f.base+k, string(rune('0'+i)))
		}
		for i, k := range keys {
			rec, err := f.far.Get(f.ctx, f.base+k)
			require.NoError(f, err, "Get(%q)", k)
			require.Equal(f, string(rune('0'+i)), string(rec.Value), "Get(%q)", k)
		}
	}},
	{"the largest key and value are stored, one byte more is not", func(f *fixture) {
		key := f.key("k")
		key += kv.Key(strings.Repeat("k", kv.MaxKeyLen-len(key)))
		value := kv.Value(strings.Repeat("v", kv.MaxValueLen))
		v, err := f.st.Create(f.ctx, kv.Record{Key: key, Value: value})
		require.NoError(f, err)
		rec, err := f.st.Get(f.ctx, key)
		require.NoError(f, err)
		require.True(f, string(value) == string(rec.Value), "the largest value came back changed")
		_, err = f.st.CasByVersion(f.ctx, kv.Record{Key: key, Version: v, Value: append(value, 'v')})
		require.ErrorIs(f, err, kv.ErrTooLarge, "CasByVersion")
		_, err = f.st.Create(f.ctx, kv.Record{Key: f.key("l"), Value: append(value, 'v')})
		require.ErrorIs(f, err, kv.ErrTooLarge, "Create with a value too large")
		f.absent(f.key("l"))
		_, err = f.st.Create(f.ctx, kv.Record{Key: key + "k"})
		require.ErrorIs(f, err, kv.ErrTooLarge, "Create with a key too long")
	}},
}

var versionCases = []Case{
	{"versions grow over all keys", func(f *fixture) {
		var last kv.Version
		for i := range 5 {
			for _, st := range []kv.Storage{f.st, f.far} {
				k := f.key(string(rune('a'+i))) + kv.Key(map[bool]string{true: "1", false: "2"}[st == f.st])
				v, err := st.Create(f.ctx, kv.Record{Key: k})
				require.NoError(f, err)
				require.Greater(f, v, last, "Create(%q)", k)
				last = v
				v, err = st.CasByVersion(f.ctx, kv.Record{Key: k, Version: v})
				require.NoError(f, err)
				require.Greater(f, v, last, "CasByVersion(%q)", k)
				last = v
			}
		}
	}},
	{"a version never returns, so a stale CAS cannot hit another life", func(f *fixture) {
		first := f.create(f.key("k"), "one")
		f.delete(f.key("k"))
		second := f.create(f.key("k"), "two")
		require.Greater(f, second, first)
		got, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: first, Value: kv.Value("three")})
		require.ErrorIs(f, err, kv.ErrWrongVersion)
		require.Equal(f, second, got)
	}},
	{"16 clients count without losing one", func(f *fixture) {
		const clients, each = 16, 5
		f.create(f.key("n"), "")
		var wg sync.WaitGroup
		for i := range clients {
			st := f.st
			if i%2 == 0 {
				st = f.far
			}
			wg.Go(func() {
				for range each {
					if err := increment(f.ctx, st, f.key("n")); err != nil {
						f.Errorf("increment: %v", err)
						return
					}
				}
			})
		}
		wg.Wait()
		rec, err := f.st.Get(f.ctx, f.key("n"))
		require.NoError(f, err)
		require.Len(f, rec.Value, clients*each)
	}},
}

// increment makes the value one byte longer.
func increment(ctx context.Context, st kv.Storage, key kv.Key) error {
	for {
		rec, err := st.Get(ctx, key)
		if err != nil {
			return err
		}
		rec.Value = append(rec.Value, '.')
		if _, err = st.CasByVersion(ctx, rec); !errors.Is(err, kv.ErrWrongVersion) {
			return err
		}
	}
}

var rangeCases = []Case{
	{"GetRange includes both ends and is sorted", func(f *fixture) {
		for _, k := range []string{"d", "a", "c", "b", "a/", "a0"} {
			f.create(f.key(k), k)
		}
		for _, c := range []struct{ from, to, want string }{
			{"a", "d", "a a/ a0 b c d"}, {"b", "c", "b c"}, {"a", "a", "a"}, {"a", "a/", "a a/"}, {"aa", "bb", "b"}, {"e", "z", ""},
		} {
			recs, err := f.far.GetRange(f.ctx, f.key(c.from), f.key(c.to))
			require.NoError(f, err)
			var got []string
			for _, r := range recs {
				got = append(got, strings.TrimPrefix(string(r.Key), string(f.base)))
			}
			require.Equal(f, c.want, strings.Join(got, " "), "GetRange(%q, %q)", c.from, c.to)
		}
	}},
	{"GetRange of nothing is empty and no error", func(f *fixture) {
		f.create(f.key("k"), "")
		for _, c := range [][2]kv.Key{
			{f.key("x"), f.key("y")}, {f.key("z"), f.key("a")}, {f.key("a"), ""}, {"", ""},
		} {
			recs, err := f.st.GetRange(f.ctx, c[0], c[1])
			require.NoError(f, err, "GetRange(%q, %q)", c[0], c[1])
			require.NotNil(f, recs, "GetRange(%q, %q)", c[0], c[1])
			require.Empty(f, recs, "GetRange(%q, %q)", c[0], c[1])
		}
	}},
	{"PrefixRange reads a prefix and no neighbour", func(f *fixture) {
		for _, k := range []string{"a", "a/", "a/b", "a/\U0010FFFF", "a0", "b"} {
			f.create(f.key(k), "")
		}
		start, end := kv.PrefixRange(f.key("a/"))
		recs, err := f.st.GetRange(f.ctx, start, end)
		require.NoError(f, err)
		require.Len(f, recs, 3)
	}},
	{"a range of thousands comes whole", func(f *fixture) {
		const n = 2500
		var wg sync.WaitGroup
		for w := range 10 {
			wg.Go(func() {
				for i := w; i < n; i += 10 {
					k := f.key(string(rune(0x4e00 + i)))
					if _, err := f.st.Create(f.ctx, kv.Record{Key: k, Value: kv.Value(k)}); err != nil {
						f.Errorf("Create: %v", err)
						return
					}
				}
			})
		}
		wg.Wait()
		start, end := kv.PrefixRange(f.base)
		recs, err := f.far.GetRange(f.ctx, start, end)
		require.NoError(f, err)
		require.Len(f, recs, n)
		for i, r := range recs {
			require.Equal(f, f.key(string(rune(0x4e00+i))), r.Key)
			require.Equal(f, string(r.Key), string(r.Value))
		}
	}},
}
