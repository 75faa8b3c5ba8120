package boltkv_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/boltkv"
)

// life is a store that is closed and opened again.
type life struct {
	*testing.T
	path string
	*boltkv.Storage
}

func begin(t *testing.T) *life {
	path := filepath.Join(t.TempDir(), "store")
	return &life{t, path, open(t, path)}
}

// again closes the file, lets some time pass, and opens it again.
func (l *life) again(closedFor time.Duration) {
	l.Helper()
	require.NoError(l, l.Close())
	time.Sleep(closedFor)
	l.Storage = open(l.T, l.path)
}

func (l *life) create(key kv.Key, lease kv.LeaseId) kv.Version {
	l.Helper()
	v, err := l.Create(context.Background(), kv.Record{Key: key, Value: kv.Value(key), Lease: lease})
	require.NoError(l, err, "Create(%q)", key)
	return v
}

func (l *life) lease(ttl time.Duration, keepAlive bool) kv.LeaseId {
	l.Helper()
	got, err := l.Lessor().NewLease(context.Background(), ttl, keepAlive)
	require.NoError(l, err)
	return got.Id()
}

func (l *life) all() kv.Records {
	l.Helper()
	start, end := kv.PrefixRange("")
	recs, err := l.GetRange(context.Background(), start, end)
	require.NoError(l, err)
	return recs
}

func TestVersionsDoNotGoBackWhenTheFileIsOpenedAgain(t *testing.T) {
	l := begin(t)
	last := l.create("a", 0)
	for range 3 {
		require.NoError(t, l.Delete(context.Background(), "a"))
		l.again(0)
		v := l.create("a", 0)
		require.Greater(t, v, last)
		last = v
	}
}

func TestRecordsAreThereWhenTheFileIsOpenedAgain(t *testing.T) {
	l := begin(t)
	v := l.create("free", 0)
	leased := l.create("leased", l.lease(time.Hour, false))
	want := l.all()
	l.again(0)
	require.Equal(t, want, l.all())
	require.Equal(t, v, want[0].Version)
	require.Equal(t, leased, want[1].Version)
}

func TestLeaseThatRanOutWhileTheFileWasClosedHasTakenItsRecords(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		l := begin(t)
		short, long := l.lease(time.Minute, true), l.lease(time.Hour, false)
		l.create("a", short)
		l.create("b", long)
		l.create("c", 0)
		l.again(2 * time.Minute)
		recs := l.all()
		require.Len(t, recs, 2)
		require.Equal(t, kv.Key("b"), recs[0].Key)
		require.Equal(t, kv.Key("c"), recs[1].Key)
		_, err := l.Lessor().GetLease(short)
		require.ErrorIs(t, err, kv.ErrWrongLeaseId)
	})
}

func TestLeaseThatSurvivesTheFileIsKeptByNobodyAndRunsOut(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		l := begin(t)
		id := l.lease(time.Minute, true)
		v := l.create("a", id)
		start := time.Now()
		l.again(10 * time.Second)
		got, err := l.Lessor().GetLease(id)
		require.NoError(t, err)
		require.LessOrEqual(t, got.TTL(), 50*time.Second)
		rec, err := l.WaitForVersionChange(context.Background(), "a", v)
		require.NoError(t, err)
		require.Equal(t, kv.Record{}, rec)
		require.Equal(t, time.Minute, time.Since(start).Round(time.Second))
		require.NoError(t, got.Release())
	})
}

func TestLeaseThatSurvivesTheFileCanBeReleasedAndUsed(t *testing.T) {
	l := begin(t)
	id := l.lease(time.Hour, false)
	l.create("a", id)
	l.again(0)
	l.create("b", id)
	got, err := l.Lessor().GetLease(id)
	require.NoError(t, err)
	require.NoError(t, got.Release())
	require.Empty(t, l.all())
	l.again(0)
	_, err = l.Lessor().GetLease(id)
	require.ErrorIs(t, err, kv.ErrWrongLeaseId)
}

func TestFileIsOpenInOneProcess(t *testing.T) {
	l := begin(t)
	_, err := boltkv.Open(l.path, nil)
	require.ErrorContains(t, err, l.path)
	require.NoError(t, l.Close())
	_, err = l.Connect()
	require.ErrorIs(t, err, kv.ErrClosed)
}
