package decorators

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/kv/instrument"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/kv/kvtest"
)

func backend() kvtest.Backend {
	closed := func(t testing.TB, st *memory.Storage) kv.Storage {
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		return st
	}
	return kvtest.Backend{
		New: func(t testing.TB) kv.Storage { return closed(t, memory.New(nil)) },
		Second: func(t testing.TB, st kv.Storage) kv.Storage {
			return closed(t, st.(*memory.Storage).Connect())
		},
		FakeTime: true,
		MinTTL:   1,
	}
}

// through lets a call through.
func through(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
	return do(ctx)
}

// elsewhere lets a call through on another goroutine, with another ctx.
func elsewhere(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error)
	go func() { done <- do(ctx) }()
	return <-done
}

const travel = 2 * time.Millisecond

// decorators are all there are, and how they stand on each other.
var decorators = []struct {
	name   string
	wrap   func(kv.Storage) kv.Storage
	prefix string        // by how much keys are shorter
	travel time.Duration // how long a call is under way
}{
	{name: "prefix", prefix: "a/", wrap: func(st kv.Storage) kv.Storage { return kv.WithPrefix(st, "a/") }},
	{name: "prefix within a prefix", prefix: "ä/b", wrap: func(st kv.Storage) kv.Storage {
		return kv.WithPrefix(kv.WithPrefix(st, "ä/"), "b")
	}},
	{name: "intercept", wrap: func(st kv.Storage) kv.Storage { return intercept.Wrap(st, through) }},
	{name: "intercept on another goroutine", wrap: func(st kv.Storage) kv.Storage { return intercept.Wrap(st, elsewhere) }},
	{name: "count", wrap: func(st kv.Storage) kv.Storage { return count.New(st) }},
	{name: "fault without faults", wrap: func(st kv.Storage) kv.Storage { return fault.New(st, 1, fault.Faults{}) }},
	{name: "fault with delays", travel: travel, wrap: func(st kv.Storage) kv.Storage {
		return fault.New(st, 1, fault.Faults{DelayAtMost: travel})
	}},
	{name: "instrument", wrap: func(st kv.Storage) kv.Storage {
		return instrument.Wrap(st, func(ctx context.Context, _ intercept.Call) (context.Context, instrument.End) {
			return ctx, func(error, time.Duration) {}
		})
	}},
	{name: "instrument without a hook", wrap: func(st kv.Storage) kv.Storage { return instrument.Wrap(st, nil) }},
	{name: "one on the other", prefix: "a/", wrap: func(st kv.Storage) kv.Storage {
		return count.New(kv.WithPrefix(instrument.Wrap(fault.New(st, 1, fault.Faults{}), nil), "a/"))
	}},
}

func TestConformance(t *testing.T) {
	for _, d := range decorators {
		for name, beneath := range map[string]func(kv.Storage) kv.Storage{
			"with capabilities": func(st kv.Storage) kv.Storage { return st },
			"without":           kvtest.Hide,
		} {
			t.Run(d.name+" "+name, func(t *testing.T) {
				b := backend().Wrap(func(st kv.Storage) kv.Storage { return d.wrap(beneath(st)) })
				b.MaxKeyLen = kv.MaxKeyLen - len(d.prefix)
				b.Travel = d.travel
				kvtest.Run(t, b)
			})
		}
	}
}

func TestCapabilitiesAreFoundWhereTheyAreAndOnlyThere(t *testing.T) {
	for _, d := range decorators {
		st := memory.New(nil)
		for name, c := range map[string]struct {
			beneath kv.Storage
			want    bool
		}{"with": {st, true}, "without": {kvtest.Hide(st), false}} {
			_, appends := kv.As[kv.Appender](d.wrap(c.beneath))
			_, places := kv.As[kv.PlaceReader](d.wrap(c.beneath))
			_, watches := kv.As[kv.RangeWatcher](d.wrap(c.beneath))
			require.Equal(t, c.want, appends, "%s %s: Appender", d.name, name)
			require.Equal(t, c.want, places, "%s %s: PlaceReader", d.name, name)
			require.Equal(t, c.want, watches, "%s %s: RangeWatcher", d.name, name)
			_, known := kv.As[*memory.Storage](d.wrap(c.beneath))
			require.False(t, known, "%s %s: the storage beneath itself", d.name, name)
		}
		require.NoError(t, st.Close())
	}
}

// plain is a storage that cannot be closed.
type plain struct{ kv.Storage }

func TestCloseReachesTheStoreBeneath(t *testing.T) {
	for _, d := range decorators {
		st := memory.New(nil)
		closer := func(st kv.Storage) error { return d.wrap(st).(interface{ Close() error }).Close() }
		require.NoError(t, closer(plain{st}), "%s: nothing to close", d.name)
		_, err := st.Get(t.Context(), "k")
		require.ErrorIs(t, err, kv.ErrNotFound, d.name)
		require.NoError(t, closer(st), d.name)
		_, err = st.Get(t.Context(), "k")
		require.ErrorIs(t, err, kv.ErrClosed, d.name)
	}
}
