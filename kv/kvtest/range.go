package kvtest

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var rangePromises = []promise{
	{"GetRange includes both ends and is sorted", func(f *fixture) {
		for _, k := range []string{"d", "a", "c", "b", "a/", "a0", "a\x00"} {
			f.create(f.key(k), k)
		}
		for _, c := range []struct{ from, to, want string }{
			{"a", "d", "a a\x00 a/ a0 b c d"},
			{"b", "c", "b c"},
			{"a", "a", "a"},
			{"a", "a\x00", "a a\x00"},
			{"a", "a/", "a a\x00 a/"},
			{"a\x00", "a0", "a\x00 a/ a0"},
			{"aa", "bb", "b"},
			{"", "a", "a"},
			{"d", "z", "d"},
			{"e", "z", ""},
		} {
			recs, err := f.far.GetRange(f.ctx, f.key(c.from), f.key(c.to))
			require.NoError(f, err)
			require.Equal(f, c.want, strings.Join(f.names(recs), " "), "GetRange(%q, %q)", c.from, c.to)
		}
	}},
	{"GetRange returns records as Get does", func(f *fixture) {
		l := f.lease(60e9, false)
		f.create(f.key("a"), "one")
		v := f.create(f.key("b"), "")
		f.cas(f.key("b"), v, "two")
		_, err := f.st.Create(f.ctx, kv.Record{Key: f.key("c"), Value: kv.Value("three"), Lease: l.Id()})
		require.NoError(f, err)
		want := kv.Records{f.get(f.key("a")), f.get(f.key("b")), f.get(f.key("c"))}
		require.Equal(f, want, f.all(f.st))
	}},
	{"GetRange of nothing is empty, not nil, and no error", func(f *fixture) {
		f.create(f.key("k"), "")
		for _, c := range [][2]kv.Key{
			{f.key("x"), f.key("y")}, {f.key("z"), f.key("a")}, {f.key("l"), f.key("k")}, {f.key("a"), ""}, {"", ""}, {"\xff", "\xff"},
		} {
			recs, err := f.st.GetRange(f.ctx, c[0], c[1])
			require.NoError(f, err, "GetRange(%q, %q)", c[0], c[1])
			require.NotNil(f, recs, "GetRange(%q, %q)", c[0], c[1])
			require.Empty(f, recs, "GetRange(%q, %q)", c[0], c[1])
		}
	}},
	{"the ends of a range may be any strings", func(f *fixture) {
		for _, k := range f.keys("a", "k", "z") {
			f.create(k, "")
		}
		long := strings.Repeat("k", 2*kv.MaxKeyLen)
		for _, c := range []struct {
			from, to kv.Key
			want     string
		}{
			{f.key("a\xff"), f.key("k\xff"), "k"},
			{f.key("\x00"), f.key("\xff\xff"), "a k z"},
			{f.key("a\xc3"), f.key("\xed\xa0"), "k z"},
			{f.key(long), f.key("z" + long), "z"},
			{f.key("a"), f.key("k" + long), "a k"},
			{f.key("z"), "\xff\xff\xff", "z"},
		} {
			if c.to == "\xff\xff\xff" { // the store may hold other tests' keys
				recs, err := f.st.GetRange(f.ctx, c.from, c.to)
				require.NoError(f, err)
				require.NotEmpty(f, recs)
				require.Equal(f, c.from, recs[0].Key)
				continue
			}
			recs, err := f.st.GetRange(f.ctx, c.from, c.to)
			require.NoError(f, err, "GetRange(%.20q, %.20q)", string(c.from), string(c.to))
			require.Equal(f, c.want, strings.Join(f.names(recs), " "), "GetRange(%q, %q)", c.from, c.to)
		}
		recs, err := f.st.GetRange(f.ctx, "", f.key("a"))
		require.NoError(f, err)
		require.NotEmpty(f, recs, `GetRange("", "a")`)
		require.Equal(f, f.key("a"), recs[len(recs)-1].Key)
	}},
	{"PrefixRange reads a prefix and no neighbour", func(f *fixture) {
		for _, k := range f.keys("a", "a/", "a/b", "a/\U0010FFFF", "a0", "b", "a.") {
			f.create(k, "")
		}
		start, end := kv.PrefixRange(f.key("a/"))
		recs, err := f.st.GetRange(f.ctx, start, end)
		require.NoError(f, err)
		require.Equal(f, []string{"a/", "a/b", "a/\U0010FFFF"}, f.names(recs))
	}},
	{"a range of thousands comes whole", func(f *fixture) {
		const n = 2500
		name := func(i int) kv.Key { return f.key(string(rune(0x4e00 + i))) }
		f.together(10, func(w int) error {
			for i := w; i < n; i += 10 {
				if _, err := f.st.Create(f.ctx, kv.Record{Key: name(i), Value: kv.Value(name(i))}); err != nil {
					return err
				}
			}
			return nil
		})
		recs := f.all(f.far)
		require.Len(f, recs, n)
		for i, r := range recs {
			require.Equal(f, name(i), r.Key)
			require.Equal(f, string(r.Key), string(r.Value))
		}
	}},
}
