package election

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/test/internal/etcdtest"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestObserve(t *testing.T) {
	onEach(t, []testCase{
		{"begins with the present and tells each change in order", observesChanges},
		{"tells a slow reader the present", slowReader},
		{"tells that a dead leader is gone, and never names who has not won", deadLeaderIsVacancy},
		{"ends once, with its ctx", observeEndsWithCtx},
		{"ends with a record that cannot be read", observeBrokenRecord},
	})
}

// observed is an observer in the background, whose every word is received.
func observed(t *testing.T, st kv.Storage) <-chan election.LeaderInfo {
	ctx, cancel := context.WithCancel(context.Background())
	c := make(chan election.LeaderInfo)
	var watch sync.WaitGroup
	watch.Go(func() {
		for now, err := range election.Observe(ctx, st, name(t)) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Observe: %v", err)
				}
				return
			}
			select {
			case c <- now:
			case <-ctx.Done():
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		watch.Wait()
	})
	return c
}

// word is an observer's next one, in short.
func word(t *testing.T, c <-chan election.LeaderInfo) string {
	t.Helper()
	select {
	case now := <-c:
		if now.Vacant {
			return fmt.Sprintf("%d vacant", now.Number)
		}
		return fmt.Sprintf("%d %s %s", now.Number, now.ID, now.Value)
	case <-time.After(15 * time.Second):
		require.FailNow(t, "no word")
		return ""
	}
}

func silent(t *testing.T, c <-chan election.LeaderInfo) {
	t.Helper()
	select {
	case now := <-c:
		require.FailNow(t, "a word too many", "%+v", now)
	case <-time.After(300 * time.Millisecond):
	}
}

func observesChanges(t *testing.T, w *world) {
	st := w.Process(t)
	e := w.candidate(t, "a")
	early := observed(t, st)
	require.Equal(t, "0 vacant", word(t, early))
	term := campaign(t, e)
	require.Equal(t, "1 a ", word(t, early))
	late := observed(t, w.Process(t))
	require.Equal(t, "1 a ", word(t, late))
	both := func(want string) {
		t.Helper()
		require.Equal(t, want, word(t, early))
		require.Equal(t, want, word(t, late))
	}
	require.NoError(t, term.Proclaim(t.Context(), []byte("v")))
	both("1 a v")
	require.NoError(t, term.Proclaim(t.Context(), []byte("v")))
	silent(t, early)
	resign(t, term)
	both("1 vacant")
	term = campaign(t, e)
	both("2 a ")
	resign(t, term)
	both("2 vacant")
	silent(t, early)
	silent(t, late)
}

func slowReader(t *testing.T, w *world) {
	st := w.Process(t)
	e := w.candidate(t, "a")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var words []int64
	for now, err := range election.Observe(ctx, st, name(t)) {
		require.NoError(t, err)
		words = append(words, now.Number)
		if len(words) > 1 {
			require.Equal(t, "a", now.ID)
			break
		}
		var term *election.Term
		for range 5 { // nine changes while the reader is busy
			if term != nil {
				resign(t, term)
			}
			term = campaign(t, e)
		}
		w.Until(t, func() bool { return !inspect(t, st).Leader.Vacant })
		if !w.Fake {
			time.Sleep(200 * time.Millisecond) // and the news has come
		} else {
			synctest.Wait()
		}
		defer resign(t, term)
	}
	require.Equal(t, []int64{0, 5}, words)
}

func deadLeaderIsVacancy(t *testing.T, w *world) {
	st := w.Process(t)
	dying, kill := w.Open(t)
	campaign(t, election.New(worlds.Session(t, dying), name(t), &election.Options{ID: "dies"}))
	c := observed(t, st)
	require.Equal(t, "1 dies ", word(t, c))
	// A candidate without a term, older than the next leader in the store, is none: etcd's Observe names it.
	key := inspect(t, st).Leader.Key + "0"
	_, err := st.Create(t.Context(), kv.Record{Key: key, Value: []byte(`{"format":1,"id":"stands"}`)})
	require.NoError(t, err)
	kill()
	require.Equal(t, "1 vacant", word(t, c))
	silent(t, c)
	require.NoError(t, st.Delete(t.Context(), key))
	resign(t, campaign(t, w.candidate(t, "b")))
}

func observeEndsWithCtx(t *testing.T, w *world) {
	st := w.Process(t)
	for _, err := range election.Observe(worlds.Ended(), st, name(t)) {
		require.ErrorIs(t, err, context.Canceled)
	}
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var errs []error
	for _, err := range election.Observe(ctx, st, name(t)) {
		errs = append(errs, err)
		cancel()
	}
	require.Len(t, errs, 2)
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], context.Canceled)
	if w.Fake { // elsewhere the client has goroutines of its own
		synctest.Wait()
		require.Equal(t, before, runtime.NumGoroutine(), "goroutines left behind")
	}
	for range election.Observe(t.Context(), st, name(t)) {
		break
	}
	var none context.Context
	for _, err := range election.Observe(none, st, name(t)) {
		require.ErrorIs(t, err, kv.ErrInvalid)
	}
}

func observeBrokenRecord(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "a"))
	var record *election.RecordError
	words := 0
	for _, err := range election.Observe(t.Context(), st, name(t)) {
		if words++; words == 2 {
			require.ErrorAs(t, err, &record)
			continue
		}
		require.NoError(t, err)
		r, err := st.Get(t.Context(), termKey(term))
		require.NoError(t, err)
		r.Value = []byte("{")
		_, err = st.CasByVersion(t.Context(), r)
		require.NoError(t, err)
	}
	require.Equal(t, 2, words)
	resign(t, term)
}

func TestObserveSurvivesAnOutage(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"without", hide}} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				t.Cleanup(func() { require.NoError(t, store.Close()) })
				cut := store.Connect()
				t.Cleanup(func() { require.NoError(t, cut.Close()) })
				e := election.New(worlds.Session(t, store), name(t), &election.Options{ID: "a"})
				cut.SetConnected(false)
				seen := observed(t, c.wrap(cut))
				time.Sleep(time.Minute)
				term := campaign(t, e)
				cut.SetConnected(true)
				require.Equal(t, "1 a ", word(t, seen), "begun in an outage")
				for i := range 3 {
					cut.SetConnected(false)
					resign(t, term)
					term = campaign(t, e)
					time.Sleep(time.Minute)
					cut.SetConnected(true)
					for word(t, seen) != fmt.Sprintf("%d a ", i+2) {
					}
				}
				resign(t, term)
				require.Equal(t, "4 vacant", word(t, seen))
			})
		})
	}
}

func TestObserveMakesNoCallsWhileNothingChanges(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrap  func(kv.Storage) kv.Storage
		begin int
	}{{"with capabilities", same, 1}, {"without", hide, 4}} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				t.Cleanup(func() { require.NoError(t, store.Close()) })
				st := count.New(c.wrap(store))
				e := election.New(worlds.Session(t, store), name(t), nil)
				term := campaign(t, e)
				seen := observed(t, st)
				<-seen
				time.Sleep(time.Hour)
				require.Equal(t, c.begin, st.Reset(), "two reads and two waits, or one watch")
				resign(t, term)
				<-seen
				time.Sleep(time.Hour)
				require.LessOrEqual(t, st.Reset(), 5, "what a change costs")
			})
		})
	}
}

// Seen through one watch or through reads and waits, an election is the same.
func TestObserversAgree(t *testing.T) {
	for n := range uint64(20) {
		bubble.Test(t, func(t *testing.T) {
			store := memory.New(nil)
			dice := rand.New(rand.NewPCG(n, 0))
			ctx, cancel := context.WithCancel(context.Background())
			watchers := []*watcher{{}, {}}
			var watch sync.WaitGroup
			watch.Go(func() { watchers[0].watch(ctx, t, store) })
			watch.Go(func() { watchers[1].watch(ctx, t, hide(store)) })
			s := worlds.Session(t, store)
			for i := range 50 {
				term, err := election.New(s, simulated, &election.Options{ID: fmt.Sprint(i % 3), Value: []byte(fmt.Sprint(i % 3))}).Campaign(ctx)
				require.NoError(t, err)
				if dice.IntN(2) == 0 {
					require.NoError(t, term.Proclaim(ctx, []byte(term.ID()+"!")))
				}
				if dice.IntN(2) == 0 {
					synctest.Wait()
				}
				if dice.IntN(3) == 0 {
					require.NoError(t, store.Delete(ctx, term.Key()))
					<-term.Done()
				}
				_ = term.Resign(ctx)
				if dice.IntN(5) == 0 {
					told(t, store, watchers)
				}
			}
			told(t, store, watchers)
			cancel()
			watch.Wait()
			require.NoError(t, s.Close(t.Context()))
			require.NoError(t, store.Close())
		})
	}
}

func TestObserveSurvivesOutageAndCompactionOnEtcd(t *testing.T) {
	server := etcdtest.Start(t)
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"without", hide}} {
		t.Run(c.name, func(t *testing.T) {
			proxy := server.Proxy(t)
			seen := observed(t, c.wrap(etcdtest.Open(t, proxy.Endpoint(), nil)))
			require.Equal(t, "0 vacant", word(t, seen))
			e := election.New(worlds.Session(t, server.Storage(t)), name(t), &election.Options{ID: "a"})
			term := campaign(t, e)
			require.Equal(t, "1 a ", word(t, seen))
			proxy.Refuse(true)
			for range 3 {
				resign(t, term)
				term = campaign(t, e)
			}
			client := server.Client(t)
			now, err := client.Get(t.Context(), "any")
			require.NoError(t, err)
			_, err = client.Compact(t.Context(), now.Header.Revision)
			require.NoError(t, err)
			proxy.Refuse(false)
			for word(t, seen) != "4 a " {
			}
			resign(t, term)
			require.Equal(t, "4 vacant", word(t, seen))
		})
	}
}
