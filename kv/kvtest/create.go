package kvtest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var createPromises = []promise{
	{"Create stores what Get returns, to every client", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		for i := range 2 {
			rec, err := f.either(i).Get(f.ctx, f.key("k"))
			require.NoError(f, err)
			require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("one"), Version: v}, rec, `Get("k")`)
		}
	}},
	{"Create of a present key changes nothing and tells its version", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		got, err := f.far.Create(f.ctx, kv.Record{Key: f.key("k"), Value: kv.Value("two")})
		require.ErrorIs(f, err, kv.ErrAlreadyExists)
		require.Equal(f, v, got, "Create = version %d, want the stored %d", got, v)
		require.Equal(f, kv.Record{Key: f.key("k"), Value: kv.Value("one"), Version: v}, f.get(f.key("k")), `Get("k")`)
		v = f.cas(f.key("k"), v, "three")
		got, err = f.far.Create(f.ctx, kv.Record{Key: f.key("k")})
		require.ErrorIs(f, err, kv.ErrAlreadyExists)
		require.Equal(f, v, got, "Create after a CAS = version %d, want the stored %d", got, v)
	}},
	{"Create ignores the record's version", func(f *fixture) {
		for i, v := range []kv.Version{1 << 60, -1, 1} {
			key := f.key(string(rune('a' + i)))
			got, err := f.st.Create(f.ctx, kv.Record{Key: key, Version: v})
			require.NoError(f, err, "Create with version %d", v)
			require.Positive(f, got)
			require.NotEqual(f, v, got)
			require.Equal(f, got, f.get(key).Version)
		}
	}},
	{"Create under a lease stores the lease", func(f *fixture) {
		l := f.lease(time.Minute, false)
		v := f.bind(f.key("k"), l)
		want := kv.Record{Key: f.key("k"), Version: v, Lease: l.Id()}
		got := f.get(f.key("k"))
		require.Empty(f, got.Value)
		got.Value = nil
		require.Equal(f, want, got, `Get("k")`)
		require.Equal(f, l.Id(), f.all(f.far)[0].Lease, "GetRange")
		rec, err := f.far.WaitForVersionChange(f.ctx, f.key("k"), 0)
		require.NoError(f, err)
		require.Equal(f, l.Id(), rec.Lease, "WaitForVersionChange")
	}},
	{"a Create that fails binds nothing to its lease", func(f *fixture) {
		l := f.lease(time.Minute, false)
		f.create(f.key("k"), "free")
		_, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Lease: l.Id()})
		require.ErrorIs(f, err, kv.ErrAlreadyExists)
		require.NoError(f, l.Release())
		require.Equal(f, kv.LeaseId(kv.NoLeaseId), f.get(f.key("k")).Lease)
	}},
	{"Create under a lease that never was, or is over, is ErrWrongLeaseId", func(f *fixture) {
		l := f.lease(time.Minute, false)
		require.NoError(f, l.Release())
		for _, id := range []kv.LeaseId{l.Id(), 1, 1 << 60, -1} {
			_, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Lease: id})
			require.ErrorIs(f, err, kv.ErrWrongLeaseId, "Create under lease %d", id)
		}
		f.absent(f.key("k"))
	}},
	{"a present key wins over a dead lease", func(f *fixture) {
		v := f.create(f.key("k"), "")
		got, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Lease: 1 << 60})
		require.ErrorIs(f, err, kv.ErrAlreadyExists)
		require.NotErrorIs(f, err, kv.ErrWrongLeaseId)
		require.Equal(f, v, got)
	}},
	{"Get of an absent key is ErrNotFound and the zero record", func(f *fixture) {
		rec, err := f.st.Get(f.ctx, f.key("k"))
		require.ErrorIs(f, err, kv.ErrNotFound)
		require.Equal(f, kv.Record{}, rec)
	}},
}

var deletePromises = []promise{
	{"Delete removes, and of an absent key is ErrNotFound", func(f *fixture) {
		require.ErrorIs(f, f.st.Delete(f.ctx, f.key("k")), kv.ErrNotFound, "Delete of a key that never was")
		f.create(f.key("k"), "one")
		f.delete(f.key("k"))
		f.absent(f.key("k"))
		require.ErrorIs(f, f.far.Delete(f.ctx, f.key("k")), kv.ErrNotFound, "Delete again")
	}},
	{"Delete removes the record of any version and any client", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		f.cas(f.key("k"), v, "two")
		require.NoError(f, f.far.Delete(f.ctx, f.key("k")))
		f.absent(f.key("k"))
	}},
	{"Delete removes no neighbour", func(f *fixture) {
		for _, k := range f.keys("a", "a/", "a/b", "a0", "a\x00") {
			f.create(k, "")
		}
		f.delete(f.key("a"))
		require.Equal(f, []string{"a\x00", "a/", "a/b", "a0"}, f.names(f.all(f.far)))
	}},
	{"a deleted record is not the lease's any more", func(f *fixture) {
		l := f.lease(time.Minute, false)
		f.bind(f.key("k"), l)
		f.bind(f.key("l"), l)
		f.delete(f.key("k"))
		f.create(f.key("k"), "free")
		require.NoError(f, l.Release())
		require.Equal(f, "free", string(f.get(f.key("k")).Value))
		f.absent(f.key("l"))
	}},
}
