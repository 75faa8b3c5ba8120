package registry

import (
	"context"
	"errors"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
)

// ownWait is a wait on the record's key, in a goroutine of its own.
type ownWait struct {
	cancel context.CancelFunc
	result chan sighting // takes one
}

// sighting is what came of it.
type sighting struct {
	record kv.Record
	err    error
}

// came is where the result comes; nil, for ever silent, if there is no wait.
func (w *ownWait) came() <-chan sighting {
	if w == nil {
		return nil
	}
	return w.result
}

// forever is a time that does not come.
const forever = time.Duration(1<<63 - 1)

// attend begins to wait for a change of the record after version, if it does not wait already, and returns when to call it again:
// forever, unless we have written, or the last wait has failed, just now.
func (k *keeper) attend(version kv.Version) time.Duration {
	if k.wait != nil {
		return forever
	}
	if later := time.Until(k.again); later > 0 {
		return later
	}
	ctx, cancel := context.WithCancel(k.life)
	w := &ownWait{cancel: cancel, result: make(chan sighting, 1)}
	k.wait = w
	k.work.Go(func() {
		defer cancel()
		r, err := k.st.WaitForVersionChange(ctx, k.key, version)
		w.result <- sighting{r, err}
	})
	return forever
}

// neglect ends the wait.
func (k *keeper) neglect() {
	if k.wait != nil {
		k.wait.cancel()
		k.wait = nil
	}
}

// saw deals with the end of the wait.
func (k *keeper) saw(s sighting) {
	k.wait = nil
	switch {
	case s.err == nil && s.record.Version != 0 && s.record.Version <= k.version:
		// Our own write, or what it was written over.
	case s.err == nil, errors.Is(s.err, kv.ErrNotFound), errors.Is(s.err, kv.ErrClosed):
		k.unsure = true
	default:
		k.log.Warn("the wait on an instance's record failed, trying again", "err", s.err)
		k.again = time.Now().Add(k.tries.Next())
	}
}

// newRetries spaces repetitions: up to half a TTL apart, and no more than what lets everybody be there again soon after an outage.
func newRetries(ttl time.Duration) *again.Backoff {
	return again.New(again.First, min(ttl/2, again.Most))
}

// jitter is a random time up to most.
func jitter(most time.Duration) time.Duration { return again.UpTo(most + 1) }
