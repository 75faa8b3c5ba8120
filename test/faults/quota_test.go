//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/cluster"
)

// L10: a store that is full takes nothing away from who has something, lets go what is given back, and says by a typed error that it takes
// nothing new. When there is room again all goes on by itself.
func TestStoreThatIsFull(t *testing.T) {
	t.Parallel()
	const ttl = 10 * time.Second // no loss by chance, on a busy machine
	c := cluster.Start(t, 1, cluster.Quota(4<<20))
	st := c.Storage(t)
	holder, waiter := newSession(t, c.Storage(t), ttl), newSession(t, c.Storage(t), 3*ttl)
	held, next := map[string]claim{}, map[string]*queued{}
	for _, kind := range kinds {
		h, err := take(t.Context(), holder, kind, "full")
		require.NoError(t, err, kind)
		held[kind], next[kind] = h, queue(t, waiter, kind, "full")
	}
	untilQueued(t, st, waiter, len(kinds))
	instances := registry.New(c.Storage(t), &registry.Options{TTL: 3 * ttl})
	reg, err := instances.Register(t.Context(), registry.Instance{Service: service, ID: "one"})
	require.NoError(t, err)
	version := fill(t, st)

	time.Sleep(ttl + time.Second) // nothing would live for so long without renewals
	for kind, h := range held {
		require.NoError(t, h.Check(t.Context()), "%s: what is held is held on", kind)
		require.Positive(t, h.ValidFor(), kind)
	}
	requireRegistered(t, st, reg)
	requireRefused(t, st, version)
	stranger := newSession(t, c.Storage(t), ttl)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = mutex.New(stranger, "another", nil).Lock(ctx)
	require.ErrorIs(t, err, kv.ErrUnavailable, "a session without a lease")
	require.ErrorIs(t, err, rpctypes.ErrNoSpace)
	_, err = mutex.New(holder, "another", nil).Lock(ctx)
	require.ErrorIs(t, err, kv.ErrUnavailable, "a session that has one")
	require.ErrorIs(t, err, rpctypes.ErrNoSpace)
	require.NoError(t, ctx.Err(), "a lock was refused only by its deadline")

	for kind, h := range held {
		require.NoError(t, h.giveBack(t.Context()), "%s: giving back needs no space", kind)
	}
	for _, kind := range []string{"mutex", "rwmutex", "semaphore"} {
		held[kind] = next[kind].receive(t, kind)
	}
	require.Empty(t, next["election"].got, "a term begins with a record")
	update := make(chan error, 1)
	go func() { update <- reg.SetStatus(t.Context(), registry.Draining) }()

	makeRoom(t, c, st)
	held["election"] = next["election"].receive(t, "election")
	require.NoError(t, receive(t, update, "the instance's status"))
	_, err = st.CasByVersion(t.Context(), kv.Record{Key: "fill0", Version: version})
	require.NoError(t, err)
	h, err := mutex.New(stranger, "another", nil).Lock(t.Context())
	require.NoError(t, err)
	require.NoError(t, h.Unlock(t.Context()))
	for kind, h := range held {
		require.NoError(t, h.giveBack(t.Context()), kind)
	}
	require.NoError(t, instances.Close(t.Context()))
}

// queued is one that waits, in the background.
type queued struct {
	got    chan claim
	failed atomic.Pointer[error] // the last that it was told meanwhile
}

// queue waits for the name until the test ends or it holds.
func queue(t *testing.T, s *session.Session, kind, name string) *queued {
	q := &queued{got: make(chan claim, 1)}
	ctx := t.Context()
	go func() {
		for ctx.Err() == nil {
			h, err := take(ctx, s, kind, name)
			if err == nil {
				q.got <- h
				return
			}
			q.failed.Store(&err)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return q
}

func (q *queued) receive(t *testing.T, kind string) (c claim) {
	t.Helper()
	select {
	case c = <-q.got:
	case <-time.After(soon):
		if err := q.failed.Load(); err != nil {
			require.NoError(t, *err, "the next one waits no more: %s", kind)
		}
		require.FailNow(t, "the next one waits still", kind)
	}
	return c
}

func receive[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(soon):
		require.FailNow(t, "nothing came", what)
	}
	return v
}

// untilQueued waits until the session has n entries in the store.
func untilQueued(t *testing.T, st kv.Storage, s *session.Session, n int) {
	t.Helper()
	first, end := kv.PrefixRange("coord/")
	require.Eventually(t, func() bool {
		all, err := st.GetRange(t.Context(), first, end)
		if err != nil {
			return false
		}
		found := 0
		for _, r := range all {
			if r.Lease != kv.NoLeaseId && r.Lease == s.LeaseID() {
				found++
			}
		}
		return found == n
	}, soon, 10*time.Millisecond, "entries")
}

// fill writes until the store takes no more, and returns the version of "fill0". The write that fills it may be made and refused.
func fill(t *testing.T, st kv.Storage) (first kv.Version) {
	t.Helper()
	for i := range 100 {
		v, err := st.Create(t.Context(), kv.Record{Key: kv.Key(fmt.Sprint("fill", i)), Value: make(kv.Value, 512<<10)})
		switch {
		case err == nil && i == 0:
			first = v
		case err != nil:
			require.ErrorIs(t, err, kv.ErrUnavailable)
			require.ErrorIs(t, err, rpctypes.ErrNoSpace)
			return first
		}
	}
	require.FailNow(t, "the quota is never reached")
	return 0
}

// requireRefused requires that what takes space is refused for certain, and that all else works.
func requireRefused(t *testing.T, st kv.Storage, version kv.Version) {
	t.Helper()
	_, create := st.Create(t.Context(), kv.Record{Key: "new"})
	_, swap := st.CasByVersion(t.Context(), kv.Record{Key: "fill0", Version: version})
	for name, err := range map[string]error{"Create": create, "CasByVersion": swap} {
		require.ErrorIs(t, err, kv.ErrUnavailable, name)
		require.ErrorIs(t, err, rpctypes.ErrNoSpace, name)
		require.NotErrorIs(t, err, kv.ErrUncertain, "%s: nothing was changed", name)
	}
	// What would have found something else is refused as well, and whether it has written that is not known.
	_, create = st.Create(t.Context(), kv.Record{Key: "fill0"})
	_, swap = st.CasByVersion(t.Context(), kv.Record{Key: "fill0", Version: version - 1})
	for name, err := range map[string]error{"Create": create, "CasByVersion": swap} {
		require.ErrorIs(t, err, kv.ErrUnavailable, name)
		require.ErrorIs(t, err, rpctypes.ErrNoSpace, name)
	}
	_, err := st.Lessor().NewLease(t.Context(), ttl, false)
	require.ErrorIs(t, err, kv.ErrUnavailable, "NewLease")
	require.ErrorIs(t, err, rpctypes.ErrNoSpace, "NewLease")
	_, err = st.Get(t.Context(), "fill0")
	require.NoError(t, err)
	wait := make(chan kv.Record, 1)
	go func() {
		r, _ := st.Get(t.Context(), "fill1")
		r, _ = st.WaitForVersionChange(t.Context(), r.Key, r.Version)
		wait <- r
	}()
	require.NoError(t, st.Delete(t.Context(), "fill1"), "Delete")
	require.Zero(t, receive(t, wait, "the end of fill1").Version)
}

func requireRegistered(t *testing.T, st kv.Storage, reg *registry.Registration) {
	t.Helper()
	require.Equal(t, registry.Registered, reg.State().Phase)
	found, err := registry.New(st, nil).Lookup(t.Context(), service)
	require.NoError(t, err)
	require.Len(t, found, 1)
}

// makeRoom does what an operator does: deletes, compacts, defragments, and ends the alarm.
func makeRoom(t *testing.T, c *cluster.Cluster, st kv.Storage) {
	t.Helper()
	for i := range 100 {
		err := st.Delete(t.Context(), kv.Key(fmt.Sprint("fill", i+1)))
		require.True(t, err == nil || errors.Is(err, kv.ErrNotFound), err)
	}
	admin := c.Client(t)
	now, err := admin.Get(t.Context(), "fill0")
	require.NoError(t, err)
	_, err = admin.Compact(t.Context(), now.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
	_, err = admin.Defragment(t.Context(), c.Endpoints()[0])
	require.NoError(t, err)
	_, err = admin.AlarmDisarm(t.Context(), &clientv3.AlarmMember{})
	require.NoError(t, err)
}
