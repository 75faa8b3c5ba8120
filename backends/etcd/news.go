package etcd

import (
	"bytes"
	"context"

	"github.com/coordkit/coord/kv"
)

// news is one piece of what is told to a topic's waiters, and where the next will be. It is written once, and then its
// channel is closed, which wakes all who wait for it at once: ten thousand waiters cost the one who tells them nothing.
type news struct {
	told chan struct{} // closed when the rest is written

	rev   kv.Version // of the change, or of the read
	rec   kv.Record  // what came of it; zero: there is no record
	state bool       // not a change, but what a read found after changes had been missed
	end   error      // there will be no more, and why
	next  *news      // nil at the end
}

func newNews() *news { return &news{told: make(chan struct{})} }

// after reports whether the news says that something changed after version.
//
// A state does if it is as recent as version and shows another one. It may be older, for whoever has joined since it was read.
func (n *news) after(version kv.Version) bool {
	if n.state {
		return n.rev >= version && n.rec.Version != version
	}
	return n.rev > version
}

// waiter is one call that waits. Its version must have been seen to be the present one, by a read made after it
// joined, before the news it has got since then mean anything.
type waiter struct {
	topic   *topic
	version kv.Version
	next    *news // the first that it has not looked at; at joining, the one not told yet
}

// first returns the first change after the waiter's version.
func (w *waiter) first(ctx context.Context) (kv.Record, error) {
	for {
		select {
		case <-w.next.told:
		case <-ctx.Done():
			return kv.Record{}, ctx.Err()
		}
		n := w.next
		switch {
		case n.end != nil:
			return kv.Record{}, n.end
		case n.after(w.version):
			rec := n.rec
			rec.Value = bytes.Clone(rec.Value) // the callers share n
			return rec, nil
		}
		w.next = n.next
	}
}
