package mutex

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func TestViewThatLagsGrantsLateAndNeverEarly(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		h := take(t, l.o.Lock)
		waiting := l.queue(2, l.m.Lock)
		require.Equal(t, 1, l.open(), "one view for both")
		l.way.hold()
		unlock(t, h)
		time.Sleep(time.Minute)
		require.Empty(t, waiting[0], "it has not heard of it")
		l.way.letGo()
		first := got(t, waiting[0])
		synctest.Wait()
		require.Empty(t, waiting[1])

		l.way.hold()
		unlock(t, first)
		time.Sleep(time.Minute)
		require.Empty(t, waiting[1])
		l.way.letGo()
		unlock(t, got(t, waiting[1]))
	})
}

// A view that is behind shows a line from before the attempt joined: an empty one, or one with an earlier life of its name.
func TestViewIsJudgedFromTheAttemptsOwnEntryOn(t *testing.T) {
	for _, c := range []struct {
		name string
		held func(t *testing.T, l *looker) // leaves a view that shows something, and is held up
	}{
		{"it shows nobody", func(t *testing.T, l *looker) {
			h := take(t, l.o.Lock)
			next := l.queue(1, l.m.Lock)
			unlock(t, h)
			unlock(t, got(t, next[0]))
			synctest.Wait()
			l.way.hold()
		}},
		{"it shows an earlier life of the name as the holder", func(t *testing.T, l *looker) {
			h := take(t, l.o.Lock)
			next := l.queue(1, l.m.Lock)
			unlock(t, h)
			first := got(t, next[0])
			synctest.Wait()
			l.way.hold()
			unlock(t, first)
		}},
		{"it shows an earlier life of the name as a waiter", func(t *testing.T, l *looker) {
			h := take(t, l.o.Lock)
			next := l.queue(1, l.m.Lock)
			synctest.Wait()
			l.way.hold()
			require.NoError(t, l.store.Delete(t.Context(), h.Key()))
			ended := l.entries(t)[0].Key
			require.NoError(t, l.store.Delete(t.Context(), ended))
			require.ErrorIs(t, h.Check(t.Context()), mutex.ErrLost)
			_ = next // it learns late
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			withView(t, func(t *testing.T, l *looker) {
				c.held(t, l)
				h := take(t, l.o.Lock)
				next := l.queue(1, l.m.Lock)
				require.Equal(t, 1, l.opened(), "it joins the view that is there")
				time.Sleep(time.Minute)
				require.Empty(t, next[0], "granted on what was before it came")
				require.NoError(t, h.Err())
				l.way.letGo()
				synctest.Wait()
				require.Empty(t, next[0], "granted beside the holder")
				unlock(t, h)
				unlock(t, got(t, next[0]))
			})
		})
	}
}

// While the view is held up others come and go: what it shows late is no grant any more.
func TestViewShowsLateThatTheWaiterWasRemoved(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, l *looker, own kv.Key, h *mutex.Held)
	}{
		{"own first", func(t *testing.T, l *looker, own kv.Key, h *mutex.Held) {
			require.NoError(t, l.store.Delete(t.Context(), own))
			unlock(t, h)
		}},
		{"the holder first", func(t *testing.T, l *looker, own kv.Key, h *mutex.Held) {
			unlock(t, h)
			require.NoError(t, l.store.Delete(t.Context(), own))
		}},
		{"own, and then another life of the name", func(t *testing.T, l *looker, own kv.Key, h *mutex.Held) {
			r, err := l.store.Get(t.Context(), own)
			require.NoError(t, err)
			require.NoError(t, l.store.Delete(t.Context(), own))
			_, err = l.store.Create(t.Context(), r)
			require.NoError(t, err)
			unlock(t, h)
		}},
	} {
		for _, how := range []string{"in its events", "in a Reset"} {
			t.Run(c.name+", "+how, func(t *testing.T) {
				withView(t, func(t *testing.T, l *looker) {
					h := take(t, l.o.Lock)
					next := l.queue(1, l.m.Lock)
					l.way.hold()
					c.end(t, l, l.entries(t)[1].Key, h)
					third := l.queue(1, l.o.Lock)
					if how == "in a Reset" {
						l.way.beginAgain()
					}
					l.way.letGo()
					r := <-next[0]
					if r.err == nil { // its place was its own for a moment, in which the view showed it
						<-r.h.Done()
						r.err = r.h.Err()
					}
					require.ErrorIs(t, r.err, mutex.ErrLost)
					for _, e := range l.entries(t) {
						if e.Lease == l.s.LeaseID() {
							_ = l.store.Delete(t.Context(), e.Key)
						}
					}
					unlock(t, got(t, third[0]))
				})
			})
		}
	}
}

func TestViewBeginsAgainInTheMiddle(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		h := take(t, l.o.Lock)
		waiting := l.queue(3, l.m.Lock)
		for range 3 {
			l.way.beginAgain()
			synctest.Wait()
		}
		for _, c := range waiting {
			require.Empty(t, c)
			unlock(t, h)
			h = got(t, c)
			l.way.beginAgain()
			synctest.Wait()
			require.NoError(t, h.Err())
		}
		require.NoError(t, l.store.Delete(t.Context(), h.Key()))
		l.way.beginAgain()
		synctest.Wait()
		require.ErrorIs(t, h.Err(), mutex.ErrLost, "what a Reset does not show is gone")
	})
}

func TestViewGuardsWhatIsHeld(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		h := take(t, l.o.Lock)
		waiting := l.queue(2, l.m.RLock)
		unlock(t, h)
		one, two := got(t, waiting[0]), got(t, waiting[1])
		require.NoError(t, l.store.Delete(t.Context(), one.Key()))
		synctest.Wait()
		require.ErrorIs(t, one.Err(), mutex.ErrLost, "at once")
		require.NoError(t, two.Err())
		require.NoError(t, two.Downgrade(t.Context()))
		unlock(t, two)
	})
}
