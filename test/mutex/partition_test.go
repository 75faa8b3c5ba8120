package mutex

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// cut is a holder whose process is cut off from the store, at the moment of start, and one that waits for its lock.
type cut struct {
	handle *memory.Storage
	s      *session.Session
	h      *mutex.Held
	next   <-chan result
	start  time.Time
}

const (
	cutTTL    = 10 * time.Second
	cutMargin = 2 * time.Second // the default, TTL/5
)

// inPartition runs body in a bubble in which the holder was cut off.
func inPartition(t *testing.T, body func(t *testing.T, c *cut)) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		c := &cut{handle: store.Connect()}
		t.Cleanup(func() { require.NoError(t, c.handle.Close()) })
		c.s = session.New(c.handle, &session.Options{TTL: cutTTL})
		other := session.New(store, &session.Options{TTL: cutTTL})
		c.h = lock(t, mutex.New(c.s, "m", nil))
		c.next = lockAsync(context.Background(), mutex.New(other, "m", nil))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		c.start = time.Now()
		c.handle.SetConnected(false)
		body(t, c)
		c.handle.SetConnected(true)
		require.NoError(t, c.s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))
	})
}

func TestPartitionedHolderIsToldAMarginBeforeTheNextOneHolds(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		<-c.h.Done()
		require.Equal(t, cutTTL-cutMargin, time.Since(c.start))
		require.ErrorIs(t, c.h.Err(), mutex.ErrLost)
		require.Equal(t, cutMargin, c.h.ValidFor(), "the time to stop in")
		r := <-c.next
		require.NoError(t, r.err)
		require.Equal(t, cutTTL, time.Since(c.start))
		require.Zero(t, c.h.ValidFor())
		require.Greater(t, r.h.Token(), c.h.Token())
		require.ErrorIs(t, c.h.Unlock(t.Context()), mutex.ErrLost)
	})
}

func TestLostLeaseIsNotGivenBackBeforeItsHolderStopped(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		<-c.h.Done()
		c.handle.SetConnected(true) // in the margin: neither renewed nor released
		r := <-c.next
		require.NoError(t, r.err)
		require.Equal(t, cutTTL, time.Since(c.start))
	})
}

func TestLostLeaseIsGivenBackOnceItsHolderStopped(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		<-c.h.Done()
		c.handle.SetConnected(true)
		require.ErrorIs(t, c.h.Unlock(t.Context()), mutex.ErrLost)
		r := <-c.next
		require.NoError(t, r.err)
		require.Equal(t, cutTTL-cutMargin, time.Since(c.start))
	})
}

func TestShortPartitionIsRiddenOut(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		time.Sleep(cutTTL - cutMargin - time.Nanosecond)
		c.handle.SetConnected(true)
		time.Sleep(time.Hour)
		require.NoError(t, c.h.Err())
		require.NoError(t, c.h.Unlock(t.Context()))
		require.NoError(t, (<-c.next).err)
	})
}

func TestSessionHealsAfterALoss(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		old := c.s.LeaseID()
		<-c.h.Done()
		require.Zero(t, c.s.LeaseID())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, c.s.Ready(ctx), context.DeadlineExceeded, "the store is out of reach")
		c.handle.SetConnected(true)
		require.NoError(t, c.s.Ready(t.Context()))
		require.NotEqual(t, old, c.s.LeaseID())
	})
}

func TestUnlockInAPartitionIsUncertainAndGoesOnInTheBackground(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		require.Error(t, c.h.Unlock(t.Context()))
		require.LessOrEqual(t, time.Since(c.start), 5*time.Second)
		require.Empty(t, c.next)
		c.handle.SetConnected(true)
		require.NoError(t, (<-c.next).err)
		require.Less(t, time.Since(c.start), cutTTL, "removed, and not left to the lease")
	})
}

// The loss of the lease is no word of the store: until then the entry stands, and the next one waits.
func TestUnlockIsNotConfirmedByTheLossOfTheLease(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		time.Sleep(cutTTL - cutMargin - time.Second)
		start := time.Now()
		require.ErrorIs(t, c.h.Unlock(t.Context()), kv.ErrUncertain)
		require.Equal(t, cutMargin+time.Second, time.Since(start), "as long as the lease was valid")
		require.NoError(t, (<-c.next).err)
	})
}

func TestUnlockIsConfirmedByTheReleaseOfTheLostLease(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		time.Sleep(cutTTL - cutMargin - time.Second)
		unlocked := make(chan error, 1)
		go func() { unlocked <- c.h.Unlock(context.Background()) }()
		time.Sleep(time.Second + cutMargin/2) // the lease is lost meanwhile
		require.Empty(t, unlocked)
		c.handle.SetConnected(true)
		require.NoError(t, <-unlocked)
		require.NoError(t, (<-c.next).err)
		require.Less(t, time.Since(c.start), cutTTL)
	})
}

func TestUnlockOnAClosedStoreIsUncertain(t *testing.T) {
	inPartition(t, func(t *testing.T, c *cut) {
		require.NoError(t, c.handle.Close())
		err := c.h.Unlock(t.Context())
		require.ErrorIs(t, err, kv.ErrUncertain)
		require.ErrorIs(t, err, kv.ErrClosed)
		require.Zero(t, time.Since(c.start), "there is nothing to wait for")
		require.Empty(t, c.next)
		require.NoError(t, (<-c.next).err)
		require.Equal(t, cutTTL, time.Since(c.start), "left to the lease")
	})
}
