//go:build linux

package faults

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/cluster"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// The faults prove themselves: a new leader writes, the victim does not, and it serves again afterwards.
func TestFaultsOfMembersBite(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, 3)
	for _, fault := range memberFaults() {
		leader := c.Leader(t)
		start := time.Now()
		fault.do(leader, t)
		t.Logf("%s: the others write after %v", fault.name, time.Since(start))
		require.NotEqual(t, leader, c.Leader(t), "%s: the victim leads still", fault.name)
		start = time.Now()
		fault.undo(leader, t)
		t.Logf("%s: the victim serves %v after the end", fault.name, time.Since(start))
	}
}

func TestFaultsOfWaysBite(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, 1)
	for name, fault := range map[string]struct {
		on        func(l *etcdtest.Link, on bool)
		direction etcdtest.Direction
		arrives   bool
	}{
		"hold requests": {func(l *etcdtest.Link, on bool) { l.Hold(etcdtest.Requests, on) }, etcdtest.Requests, false},
		"lose requests": {func(l *etcdtest.Link, on bool) { l.Lose(etcdtest.Requests, on) }, etcdtest.Requests, false},
		"lose answers":  {func(l *etcdtest.Link, on bool) { l.Lose(etcdtest.Replies, on) }, etcdtest.Replies, true},
		"delay": {func(l *etcdtest.Link, on bool) {
			l.Delay(etcdtest.Replies, map[bool]time.Duration{true: time.Minute}[on])
		}, etcdtest.Replies, true},
	} {
		way := c.Way(t)
		st := way.Storage(t)
		key := kv.Key(name)
		_, err := st.Create(t.Context(), kv.Record{Key: key + "/before"})
		require.NoError(t, err)
		way.Each(func(l *etcdtest.Link) { fault.on(l, true) })
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = st.Create(ctx, kv.Record{Key: key})
		cancel()
		require.ErrorIs(t, err, kv.ErrUncertain, name)
		require.Eventually(t, func() bool { return way.Stopped(fault.direction) > 0 }, soon, time.Millisecond, name)
		direct := c.Storage(t)
		present := func() bool {
			_, err := direct.Get(t.Context(), key)
			return err == nil
		}
		if fault.arrives {
			require.Eventually(t, present, soon, 10*time.Millisecond, name)
		} else {
			require.False(t, present(), name)
		}
		way.Each(func(l *etcdtest.Link) { fault.on(l, false); l.Cut() })
		require.Eventually(t, func() bool {
			_, err := st.Get(t.Context(), key+"/before")
			return err == nil
		}, soon, 10*time.Millisecond, name)
	}
}
