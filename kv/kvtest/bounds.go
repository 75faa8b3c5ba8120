package kvtest

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var valuePromises = []promise{
	{"nil and empty values are the same", func(f *fixture) {
		for _, value := range []kv.Value{nil, {}} {
			v, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Value: value})
			require.NoError(f, err)
			require.Empty(f, f.get(f.key("k")).Value)
			v = f.cas(f.key("k"), v, "full")
			_, err = f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Value: value})
			require.NoError(f, err)
			require.Empty(f, f.get(f.key("k")).Value)
			f.delete(f.key("k"))
		}
	}},
	{"values of any bytes come back as they were", func(f *fixture) {
		for i, value := range []string{"\x00", "\xff\xfe", "a\x00b", "\n", "{}", "\xed\xa0\x80"} {
			key := f.key(string(rune('a' + i)))
			f.create(key, value)
			require.Equal(f, value, string(f.get(key).Value), "Get(%q)", key)
		}
	}},
	{"values passed in are copied", func(f *fixture) {
		value := kv.Value("one")
		v, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Value: value})
		require.NoError(f, err)
		value[0] = 'X'
		require.Equal(f, "one", string(f.get(f.key("k")).Value), "changed after Create")
		value = kv.Value("two")
		_, err = f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Value: value})
		require.NoError(f, err)
		value[0] = 'X'
		require.Equal(f, "two", string(f.get(f.key("k")).Value), "changed after CasByVersion")
	}},
	{"values returned are the caller's own", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		rec, err := f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
		rec.Value[0] = 'X'
		recs := f.all(f.st)
		require.Equal(f, "one", string(recs[0].Value), "changed after Get")
		recs[0].Value[0] = 'X'
		rec, err = f.st.WaitForVersionChange(f.ctx, f.key("k"), 0)
		require.NoError(f, err)
		require.Equal(f, "one", string(rec.Value), "changed after GetRange")
		rec.Value[0] = 'X'
		rec, err = f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
		require.Equal(f, "one", string(rec.Value), "changed after WaitForVersionChange")
		c := f.wait(f.ctx, f.st, f.key("k"), v)
		d := f.wait(f.ctx, f.st, f.key("k"), v)
		f.cas(f.key("k"), v, "two")
		first, second := f.result(c), f.result(d)
		require.Equal(f, "two", string(first.rec.Value))
		first.rec.Value[0] = 'X'
		require.Equal(f, "two", string(second.rec.Value), "two waits share a value")
		rec, err = f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
		require.Equal(f, "two", string(rec.Value), "a wait shares its value with the store")
	}},
	{"values returned are the caller's own, however long", func(f *fixture) {
		for i, n := range []int{1, 100, 10_000, 300_000} { // a store may keep long ones elsewhere
			key, want := f.key(string(rune('a'+i))), strings.Repeat("v", n)
			f.create(key, want)
			for range 2 {
				got, err := f.st.Get(f.ctx, key)
				require.NoError(f, err)
				recs, err := f.st.GetRange(f.ctx, key, key)
				require.NoError(f, err)
				for _, value := range []kv.Value{got.Value, recs[0].Value} {
					require.True(f, want == string(value), "a value of %d bytes came back changed", n)
					value[0], value[n-1] = 'X', 'X'
				}
			}
		}
	}},
	{"appending to a value returned from a range touches no other", func(f *fixture) {
		f.create(f.key("a"), "one")
		f.create(f.key("b"), "two")
		recs := f.all(f.st)
		_ = append(recs[0].Value, "XXXXXXXX"...)
		require.Equal(f, "two", string(recs[1].Value))
	}},
}

var boundsPromises = []promise{
	{"keys of any bytes that are UTF-8 are kept apart", func(f *fixture) {
		keys := []kv.Key{"a", "a/", "a0", "a\x00", "a\x00b", "A", "ä", "a\u0308", "a b", "a\n", "\u007f", "\ufffd", "\U0010FFFF"}
		for i, k := range keys {
			f.create(f.base+k, string(rune('0'+i)))
		}
		for i, k := range keys {
			require.Equal(f, string(rune('0'+i)), string(f.get(f.base+k).Value), "Get(%q)", k)
		}
		require.Len(f, f.all(f.far), len(keys))
	}},
	{"keys out of bounds are refused by every call, and nothing is stored", func(f *fixture) {
		long := f.base + kv.Key(strings.Repeat("k", kv.MaxKeyLen))
		for _, c := range calls {
			if !c.keyed {
				continue // the ends of a range may be any strings
			}
			for _, key := range []kv.Key{"", "\xff", f.base + "\xc3", f.base + "\xed\xa0\x80", long} {
				err := c.do(f.ctx, f.st, key)
				require.ErrorIs(f, err, kv.ErrInvalid, "%s %.10q", c.op, string(key))
				require.Equal(f, key == long, errorIs(err, kv.ErrTooLarge), "%s %.10q is ErrTooLarge: %v", c.op, string(key), err)
			}
		}
		require.Empty(f, f.all(f.far))
	}},
	{"the longest key is stored, one byte more is not", func(f *fixture) {
		key := f.key("k")
		key += kv.Key(strings.Repeat("k", f.b.MaxKeyLen-len(key)))
		f.create(key, "")
		require.Equal(f, key, f.get(key).Key)
		_, err := f.st.Create(f.ctx, kv.Record{Key: key + "k"})
		require.ErrorIs(f, err, kv.ErrTooLarge, "Create with a key of %d bytes", len(key)+1)
		require.Len(f, f.all(f.far), 1)
	}},
	{"the largest value is stored, one byte more is not", func(f *fixture) {
		value := kv.Value(strings.Repeat("v", kv.MaxValueLen))
		v, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Value: value})
		require.NoError(f, err)
		require.True(f, string(value) == string(f.get(f.key("k")).Value), "the largest value came back changed")
		v, err = f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Value: value})
		require.NoError(f, err)
		_, err = f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Value: append(value, 'v')})
		require.ErrorIs(f, err, kv.ErrTooLarge, "CasByVersion")
		require.ErrorIs(f, err, kv.ErrInvalid, "CasByVersion")
		require.Equal(f, v, f.get(f.key("k")).Version)
		for _, more := range []int{1, kv.MaxValueLen / 2, kv.MaxValueLen + 1} { // beyond what any layer below may refuse
			_, err = f.st.Create(f.ctx, kv.Record{Key: f.key("l"), Value: make(kv.Value, kv.MaxValueLen+more)})
			require.ErrorIs(f, err, kv.ErrTooLarge, "Create with a value of %d bytes", kv.MaxValueLen+more)
			f.absent(f.key("l"))
		}
	}},
}
