package view

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
)

func TestViewCost(t *testing.T) {
	runViewCases(t, []viewCase{
		{"all views of a service share one watch", sharedWatch},
		{"a view that nobody uses lingers, and ends", lingers},
		{"one that does not linger ends at once", noLinger},
		{"a view of a quiet service makes no calls, but for a sign of life on the pure contract", idle},
		{"a change costs a reader of the pure contract a read of the epoch, of the set, and two waits", costOfAChange},
		{"beyond 128 instances the pure contract finds a death within a third of the TTL, without a wait for each", large},
	})
}

func sharedWatch(t *testing.T, s *scene) {
	st := count.New(s.st)
	r := openRegistry(t, st, nil)
	s.puts(t, 2)
	for range 50 {
		v := r.View(service)
		defer v.Close()
		shows(t, v, "i00", "i01")
	}
	require.LessOrEqual(t, st.Total(), 5)
}

func lingers(t *testing.T, s *scene) {
	st := count.New(s.st)
	r := openRegistry(t, st, nil)
	s.put(t, "a")
	use := func() {
		v := r.View(service)
		shows(t, v, "a")
		v.Close()
	}
	use()
	after(time.Second)
	st.Reset()
	for range 5 {
		after(registry.DefaultLinger - 2*time.Second)
		use()
	}
	require.Zero(t, st.Of(intercept.OpGetRange)+st.Of(intercept.OpWatchRange), "it was used again each time before it ended")
	after(registry.DefaultLinger)
	st.Reset()
	after(time.Hour)
	require.Zero(t, st.Total())
	use()
	require.Equal(t, 1, st.Of(intercept.OpGetRange)+st.Of(intercept.OpWatchRange))
}

func noLinger(t *testing.T, s *scene) {
	st := count.New(s.st)
	r := openRegistry(t, st, &registry.Options{Linger: -1})
	for range 3 {
		v := r.View(service)
		shows(t, v)
		v.Close()
		after(time.Second)
		st.Reset()
		after(time.Hour)
		require.Zero(t, st.Total())
	}
}

func idle(t *testing.T, s *scene) {
	st := count.New(s.st)
	s.puts(t, 20)
	v := openRegistry(t, st, nil).View(service)
	defer v.Close()
	after(time.Minute)
	st.Reset()
	after(time.Hour)
	if _, native := kv.As[kv.RangeWatcher](s.st); native {
		require.Zero(t, st.Total())
		return
	}
	require.LessOrEqual(t, st.Of(intercept.OpGetRange), 15, "every 4 to 6 minutes, whatever happens")
	require.LessOrEqual(t, st.Of(intercept.OpGet), 360+15, "every 10 seconds")
	require.Zero(t, st.Of(intercept.OpWait), "those that stand go on")
	require.Equal(t, registry.Live, v.Snapshot().Health)
}

func costOfAChange(t *testing.T, s *scene) {
	st := count.New(s.st)
	ids := s.puts(t, 20)
	v := openRegistry(t, st, nil).View(service)
	defer v.Close()
	shows(t, v, ids...)
	after(9 * time.Second)
	st.Reset()
	s.put(t, "i07", "zone", "z")
	after(time.Millisecond)
	require.Equal(t, 1, v.Snapshot().Count(registry.InZone("z")))
	after(500 * time.Millisecond)
	if _, native := kv.As[kv.RangeWatcher](s.st); native {
		require.Zero(t, st.Total())
		return
	}
	// The record and the epoch are written one after the other, so there may be a round for each.
	require.LessOrEqual(t, st.Of(intercept.OpGet), 2)
	require.LessOrEqual(t, st.Of(intercept.OpGetRange), 2)
	require.LessOrEqual(t, st.Of(intercept.OpWait), 3)
}

func large(t *testing.T, s *scene) {
	st := count.New(s.st)
	v := openRegistry(t, st, nil).View(service)
	defer v.Close()
	var ids []string
	for i := range 200 {
		ids = append(ids, fmt.Sprintf("i%03d", i))
		s.put(t, ids[i])
	}
	shows(t, v, ids...)
	after(time.Minute)
	st.Reset()
	s.die(t, ids[0])
	require.LessOrEqual(t, shows(t, v, ids[1:]...), registry.DefaultTTL/3+time.Second)
	require.LessOrEqual(t, st.Of(intercept.OpWait), 1)
	s.put(t, "new")
	require.LessOrEqual(t, shows(t, v, append(ids[1:], "new")...), time.Second)
}
