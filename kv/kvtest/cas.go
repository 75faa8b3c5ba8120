package kvtest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var casPromises = []promise{
	{"CasByVersion replaces the value at its version", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		next, err := f.far.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Value: kv.Value("two")})
		require.NoError(f, err)
		require.Greater(f, next, v)
		require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("two"), Version: next}, f.get(f.key("k")), `Get("k")`)
	}},
	{"CasByVersion of an absent key is ErrNotFound, whatever the version", func(f *fixture) {
		v := f.create(f.key("l"), "")
		f.delete(f.key("l"))
		for _, k := range f.keys("k", "l") {
			for _, v := range []kv.Version{-1, 0, 1, v, 1 << 60} {
				_, err := f.st.CasByVersion(f.ctx, kv.Record{Key: k, Version: v})
				require.ErrorIs(f, err, kv.ErrNotFound, "CasByVersion(%q, %d)", k, v)
			}
			f.absent(k)
		}
	}},
	{"CasByVersion at another version changes nothing and tells the stored one", func(f *fixture) {
		old := f.create(f.key("k"), "zero")
		v := f.cas(f.key("k"), old, "one")
		for _, wrong := range []kv.Version{-1, 0, old, v - 1, v + 1, 1 << 60} {
			got, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: wrong, Value: kv.Value("two")})
			require.ErrorIs(f, err, kv.ErrWrongVersion, "CasByVersion(%d)", wrong)
			require.Equal(f, v, got, "CasByVersion(%d) = version %d, want the stored %d", wrong, got, v)
		}
		require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("one"), Version: v}, f.get(f.key("k")), `Get("k")`)
	}},
	{"CasByVersion with the same value gives a new version", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		require.Greater(f, f.cas(f.key("k"), v, "one"), v)
	}},
	{"CasByVersion keeps the lease and ignores the argument's", func(f *fixture) {
		l, other := f.lease(time.Minute, false), f.lease(time.Minute, false)
		v := f.bind(f.key("k"), l)
		for _, id := range []kv.LeaseId{kv.NoLeaseId, other.Id(), 1 << 60, -1} {
			next, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Lease: id})
			require.NoError(f, err, "CasByVersion with lease %d", id)
			v = next
		}
		require.Equal(f, l.Id(), f.get(f.key("k")).Lease)
		require.NoError(f, other.Release())
		f.get(f.key("k"))
		require.NoError(f, l.Release())
		f.absent(f.key("k"))
	}},
	{"CasByVersion binds no free record to a lease", func(f *fixture) {
		l := f.lease(time.Minute, false)
		v := f.create(f.key("k"), "")
		_, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Lease: l.Id()})
		require.NoError(f, err)
		require.NoError(f, l.Release())
		require.Equal(f, kv.LeaseId(kv.NoLeaseId), f.get(f.key("k")).Lease)
	}},
}

var versionPromises = []promise{
	{"versions grow over all keys and clients", func(f *fixture) {
		var last kv.Version
		for i := range 10 {
			key := f.key(string(rune('z' - i))) // the order of keys is not that of versions
			v, err := f.either(i).Create(f.ctx, kv.Record{Key: key})
			require.NoError(f, err)
			require.Greater(f, v, last, "Create(%q)", key)
			last = v
			v, err = f.either(i+1).CasByVersion(f.ctx, kv.Record{Key: key, Version: v})
			require.NoError(f, err)
			require.Greater(f, v, last, "CasByVersion(%q)", key)
			last = v
		}
		require.Positive(f, f.create(f.key("k"), ""))
	}},
	{"a version never returns, so a stale CAS cannot hit another life", func(f *fixture) {
		old := []kv.Version{f.create(f.key("k"), "one")}
		for i := range 3 {
			old = append(old, f.cas(f.key("k"), old[len(old)-1], "two"))
			f.delete(f.key("k"))
			v, err := f.either(i).Create(f.ctx, kv.Record{Key: f.key("k"), Value: kv.Value("new")})
			require.NoError(f, err)
			require.Greater(f, v, old[len(old)-1], "Create after Delete")
			for _, stale := range old {
				got, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: stale, Value: kv.Value("stale")})
				require.ErrorIs(f, err, kv.ErrWrongVersion, "CasByVersion(%d)", stale)
				require.Equal(f, v, got)
			}
			old = append(old, v)
		}
		require.Equal(f, "new", string(f.get(f.key("k")).Value))
	}},
	{"a version outlives the end of a lease", func(f *fixture) {
		l := f.lease(time.Minute, false)
		first := f.bind(f.key("k"), l)
		require.NoError(f, l.Release())
		second := f.create(f.key("k"), "")
		require.Greater(f, second, first)
		_, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: first})
		require.ErrorIs(f, err, kv.ErrWrongVersion)
	}},
}
