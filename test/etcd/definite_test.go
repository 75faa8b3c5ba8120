package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// attempt is one write to a key that nobody else writes, and what its caller was told.
type attempt struct {
	fault   string
	rec     kv.Record  // as it was before: its version is zero if it was absent
	version kv.Version // told
	err     error
	took    bool // effect, as the store says afterwards
}

// writes are those of the contract. The record that one is given is there before, if its version is not zero.
var writes = []struct {
	name  string
	fresh bool // wants the key to be absent
	do    func(ctx context.Context, st *etcd.Storage, rec kv.Record) (kv.Version, error)
}{
	{"Create", true, func(ctx context.Context, st *etcd.Storage, rec kv.Record) (kv.Version, error) {
		return st.Create(ctx, rec)
	}},
	{"Append", true, func(ctx context.Context, st *etcd.Storage, rec kv.Record) (kv.Version, error) {
		v, _, _, err := st.Append(ctx, rec, rec.Key, rec.Key+"~")
		return v, err
	}},
	{"CasByVersion", false, func(ctx context.Context, st *etcd.Storage, rec kv.Record) (kv.Version, error) {
		return st.CasByVersion(ctx, rec)
	}},
	{"Delete", false, func(ctx context.Context, st *etcd.Storage, rec kv.Record) (kv.Version, error) {
		return 0, st.Delete(ctx, rec.Key)
	}},
}

// mishaps are what befalls a write: something begins, at a random moment of the call or before it, and ends some milliseconds later.
// Each is seen to bite by what it alone can do.
var mishaps = []struct {
	name       string
	begin, end func(p *etcdtest.Proxy)
	bites      func(a attempt) bool
}{
	{"the answer is lost",
		func(p *etcdtest.Proxy) { p.Lose(etcdtest.Replies, true) },
		func(p *etcdtest.Proxy) { p.Lose(etcdtest.Replies, false); p.Cut() },
		func(a attempt) bool { return errors.Is(a.err, kv.ErrUncertain) && a.took }},
	{"the request is lost",
		func(p *etcdtest.Proxy) { p.Lose(etcdtest.Requests, true) },
		func(p *etcdtest.Proxy) { p.Lose(etcdtest.Requests, false); p.Cut() },
		func(a attempt) bool { return errors.Is(a.err, kv.ErrUncertain) && !a.took }},
	{"the request is late",
		func(p *etcdtest.Proxy) { p.Hold(etcdtest.Requests, true) },
		func(p *etcdtest.Proxy) { p.Hold(etcdtest.Requests, false) },
		func(a attempt) bool { return errors.Is(a.err, context.DeadlineExceeded) }},
	{"the answer is late",
		func(p *etcdtest.Proxy) { p.Hold(etcdtest.Replies, true) },
		func(p *etcdtest.Proxy) { p.Hold(etcdtest.Replies, false) },
		func(a attempt) bool { return errors.Is(a.err, context.DeadlineExceeded) && a.took }},
	{"the connection is reset",
		func(p *etcdtest.Proxy) { p.Hold(etcdtest.Replies, true) },
		func(p *etcdtest.Proxy) { p.Cut(); p.Hold(etcdtest.Replies, false) },
		func(a attempt) bool { return errors.Is(a.err, kv.ErrUnavailable) }},
}

// TestNoDefiniteErrorForAWriteThatTookEffect makes writes while something befalls their connection at random moments. Whatever is
// not called uncertain must be what the store says when all is over.
func TestNoDefiniteErrorForAWriteThatTookEffect(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	direct := server.Storage(t)
	for _, w := range writes {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			dice := rand.New(rand.NewPCG(seed, 0))
			proxy := server.Proxy(t)
			st := etcdtest.Open(t, proxy.Endpoint(), nil)
			var all []attempt
			for i := range 25 * len(mishaps) {
				m := mishaps[i%len(mishaps)]
				a := attempt{fault: m.name, rec: kv.Record{Key: kv.Key(fmt.Sprintf("%s/%d", w.name, i)), Value: kv.Value("new")}}
				if !w.fresh {
					a.rec.Version = create(t, direct, a.rec.Key, "old")
				}
				ready(t, st)
				befall(proxy, dice, m.begin, m.end, func(ctx context.Context) { a.version, a.err = w.do(ctx, st, a.rec) })
				all = append(all, a)
			}
			judge(t, direct, w.name, all)
		})
	}
}

// befall makes a call during which something happens to its way, and returns when both are over.
func befall(p *etcdtest.Proxy, dice *rand.Rand, begin, end func(*etcdtest.Proxy), call func(ctx context.Context)) {
	lasts := 2*time.Millisecond + time.Duration(dice.IntN(4000))*time.Microsecond
	limit := soon // half of the calls end with their ctx, about when the mishap does
	if dice.IntN(2) == 0 {
		limit = lasts/2 + time.Duration(dice.IntN(4000))*time.Microsecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	called := make(chan struct{})
	go func() {
		defer close(called)
		call(ctx)
	}()
	if dice.IntN(2) == 0 {
		time.Sleep(time.Duration(dice.IntN(3000)) * time.Microsecond)
	}
	begin(p)
	time.Sleep(lasts)
	end(p)
	<-called
}

// judge asks the store what became of the attempts on keys under a prefix, and compares.
func judge(t *testing.T, direct kv.Storage, prefix string, all []attempt) {
	t.Helper()
	stored := make(map[kv.Key]kv.Version)
	recs, err := direct.GetRange(t.Context(), kv.Key(prefix), kv.Key(prefix)+"~")
	require.NoError(t, err)
	for _, r := range recs {
		stored[r.Key] = r.Version
	}
	outcomes, bites := map[string]int{}, map[string]int{}
	for _, a := range all {
		now := stored[a.rec.Key]
		a.took = now != a.rec.Version
		switch {
		case a.err == nil:
			require.True(t, a.took, "%q was acknowledged while %s", a.rec.Key, a.fault)
			require.Equal(t, now, a.version, "the version that %q was acknowledged with", a.rec.Key)
			outcomes["acknowledged"]++
		case errors.Is(a.err, kv.ErrUncertain):
			outcomes["uncertain"]++
		default:
			require.False(t, a.took, "while %s: %v, yet it took effect", a.fault, a.err)
			require.True(t, errors.Is(a.err, kv.ErrUnavailable) || errors.Is(a.err, context.DeadlineExceeded),
				"nobody else writes %q, yet: %v", a.rec.Key, a.err)
			outcomes["failed for certain"]++
		}
		for _, m := range mishaps {
			if m.name == a.fault && m.bites(a) {
				bites[m.name]++
			}
		}
	}
	t.Logf("%v; bites: %v", outcomes, bites)
	for _, m := range mishaps {
		require.NotZero(t, bites[m.name], "not once was it seen that %s", m.name)
	}
}
