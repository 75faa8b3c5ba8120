package mutex

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func TestViewThatEndsLeavesItsMembersToThemselves(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		h := take(t, l.o.Lock)
		waiting := l.queue(3, l.m.Lock)
		unlock(t, h)
		first := got(t, waiting[0])
		l.way.refuse(errCut)
		time.Sleep(2 * time.Second)
		require.Zero(t, l.open())
		l.calls.Reset()
		opened := l.opened()
		time.Sleep(time.Hour)
		require.Zero(t, l.calls.Total(), "nobody asks again and again")
		require.Equal(t, opened, l.opened(), "nor opens another view")
		require.LessOrEqual(t, opened, 3, "one view, and one try of each who waits")

		require.NoError(t, l.store.Delete(t.Context(), first.Key()))
		synctest.Wait()
		require.ErrorIs(t, first.Err(), mutex.ErrLost, "the holder's key is watched on")
		second := got(t, waiting[1])
		require.NoError(t, l.store.Delete(t.Context(), l.entries(t)[1].Key))
		require.ErrorIs(t, (<-waiting[2]).err, mutex.ErrLost, "the waiter's too")
		unlock(t, second)
	})
}

func TestViewThatIsCutOnceIsOpenedAgain(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		h := take(t, l.o.Lock)
		waiting := l.queue(1, l.m.Lock)
		l.way.cut()
		synctest.Wait()
		later := l.queue(1, l.m.Lock)
		require.Equal(t, 1, l.open())
		unlock(t, h)
		unlock(t, got(t, waiting[0]))
		unlock(t, got(t, later[0]))
	})
}

func TestViewOfALongLineCloses(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		h := take(t, l.o.Lock)
		waiting := l.queue(1, l.m.Lock)
		unlock(t, h)
		held := got(t, waiting[0])
		waiting = l.queue(14, l.m.Lock)
		require.Equal(t, 1, l.open(), "15 entries")
		waiting = append(waiting, l.queue(4, l.m.Lock)...)
		require.Zero(t, l.open(), "16 entries and more")
		time.Sleep(2 * time.Second)

		// Holder and waiters are guarded on.
		require.NoError(t, l.store.Delete(t.Context(), l.entries(t)[3].Key))
		require.ErrorIs(t, (<-waiting[2]).err, mutex.ErrLost)
		waiting = append(waiting[:2:2], waiting[3:]...)
		require.NoError(t, l.store.Delete(t.Context(), held.Key()))
		synctest.Wait()
		require.ErrorIs(t, held.Err(), mutex.ErrLost)

		for i, c := range waiting {
			h := got(t, c)
			for _, later := range waiting[i+1:] {
				require.Empty(t, later)
			}
			unlock(t, h)
		}
		require.Equal(t, 1, l.opened(), "who is woken is the next, and needs no view any more")

		h = take(t, l.m.Lock)
		unlock(t, h)
		h = take(t, l.o.Lock)
		waiting = l.queue(1, l.m.Lock)
		require.Equal(t, 1, l.open(), "short again, the line is looked at through a view again")
		unlock(t, h)
		unlock(t, got(t, waiting[0]))
	})
}

func TestViewLingersAndCloses(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		contend := func() {
			h := take(t, l.o.Lock)
			waiting := l.queue(2, l.m.Lock)
			unlock(t, h)
			unlock(t, got(t, waiting[0]))
			h = got(t, waiting[1])
			time.Sleep(time.Minute)
			require.Equal(t, 1, l.open(), "who holds is a member")
			unlock(t, h)
		}
		contend()
		time.Sleep(2*time.Second - time.Nanosecond)
		contend()
		require.Equal(t, 1, l.opened(), "who comes again soon finds it open")
		time.Sleep(2*time.Second - time.Nanosecond)
		require.Equal(t, 1, l.open())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Zero(t, l.open())
		contend()
		require.Equal(t, 2, l.opened())
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Zero(t, l.open())
	})
}

// A hold that was lost and is not given back keeps no watch open.
func TestViewForgetsWhoHasLost(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		h := take(t, l.o.Lock)
		waiting := l.queue(1, l.m.Lock)
		unlock(t, h)
		lost := got(t, waiting[0])
		require.NoError(t, l.store.Delete(t.Context(), lost.Key()))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.ErrorIs(t, lost.Err(), mutex.ErrLost)
		require.Zero(t, l.open())
	})
}

func TestSessionClosesWithAViewThatIsStuck(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		h := take(t, l.o.Lock)
		waiting := l.queue(3, l.m.Lock)
		l.way.hold()
		unlock(t, h)
		start := time.Now()
		require.NoError(t, l.s.Close(t.Context()))
		require.Zero(t, time.Since(start))
		for _, c := range waiting {
			require.ErrorIs(t, (<-c).err, kv.ErrClosed)
		}
	})
}
