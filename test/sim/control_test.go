package sim

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
)

// TestPlantedFaultsAreFound shows that each check of the simulation finds what it is there for.
func TestPlantedFaultsAreFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		finds kind
		config
	}{
		{"leases that claim to live longer than they do", twoHolders, config{plant: func(_ *run, st kv.Storage) kv.Storage {
			return longLived{st}
		}}},
		{"reads that leave somebody out", overLimit, config{plant: func(_ *run, st kv.Storage) kv.Storage {
			return forgetful{st}
		}}},
		{"a store that was set back", oldToken, setBackOnce()},
		{"a term record that is deleted", oldTerm, config{meddle: func(r *run) {
			_ = r.store.Delete(ctxBackground, "coord/election/e/term")
		}}},
		{"a resource that does not compare tokens", staleWrite, config{ungated: true}},
		{"waits that do not hear of deletions", starved, config{plant: func(_ *run, st kv.Storage) kv.Storage {
			return silent{st}
		}}},
		{"watches that do not hear of deletions", viewWrong, config{plant: func(_ *run, st kv.Storage) kv.Storage {
			return watching{st, withoutDeletes}
		}}},
		{"watches that begin with less than there is", vanished, config{plant: func(_ *run, st kv.Storage) kv.Storage {
			return watching{st, withoutTheLastOfAll}
		}}},
		{"leases that are not renewed", vanished, config{plant: func(_ *run, st kv.Storage) kv.Storage {
			return unkept{st}
		}}},
		{"leases that do not end", leftBehind, config{plant: func(_ *run, st kv.Storage) kv.Storage {
			return clinging{st}
		}}},
		{"deletions that are not made", leftBehind, config{plant: func(_ *run, st kv.Storage) kv.Storage {
			return &sloppy{Storage: st}
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			oneProcessor(t)
			for seed := uint64(1); seed <= 20; seed++ {
				var r *run
				bubble.Test(t, func(t *testing.T) { r = simulate(t, seed, c.config) })
				if what, found := r.kinds[c.finds]; found {
					t.Logf("seed %d: %s", seed, what)
					return
				}
			}
			require.Fail(t, "not found in 20 runs")
		})
	}
}

// setBackOnce sets the versions back at the first disturbance.
func setBackOnce() config {
	var since atomic.Int64
	return config{
		plant: func(r *run, st kv.Storage) kv.Storage {
			since.Store(0)
			return setBack{st, &since}
		},
		meddle: func(r *run) {
			if since.Load() > 0 {
				return
			}
			if v, err := r.store.Create(ctxBackground, kv.Record{Key: "mark"}); err == nil {
				_ = r.store.Delete(ctxBackground, "mark")
				since.Store(int64(v))
			}
		},
	}
}
