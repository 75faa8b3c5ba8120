package sim

import (
	"context"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
)

// What follows are stores that break their promises. Each hides what it does not break, so that nothing goes round it.

// longLived has leases that claim to live longer than they do.
type longLived struct{ kv.Storage }

func (s longLived) Lessor() kv.Lessor {
	return leasing{s.Storage.Lessor(), func(l kv.Lease) kv.Lease { return overstated{l} }}
}

// leasing changes the leases that are granted.
type leasing struct {
	kv.Lessor
	change func(kv.Lease) kv.Lease
}

func (l leasing) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	lease, err := l.Lessor.NewLease(ctx, ttl, keepAlive)
	if err != nil {
		return nil, err
	}
	return l.change(lease), nil
}

type overstated struct{ kv.Lease }

func (l overstated) TTL() time.Duration { return l.Lease.TTL() + ttl }

// unkept has leases that are not renewed, whatever was asked for.
type unkept struct{ kv.Storage }

func (s unkept) Lessor() kv.Lessor { return notKept{s.Storage.Lessor()} }

type notKept struct{ kv.Lessor }

func (l notKept) NewLease(ctx context.Context, ttl time.Duration, _ bool) (kv.Lease, error) {
	return l.Lessor.NewLease(ctx, ttl, false)
}

// clinging has leases that are not ended by Release.
type clinging struct{ kv.Storage }

func (s clinging) Lessor() kv.Lessor {
	return leasing{s.Storage.Lessor(), func(l kv.Lease) kv.Lease { return unreleased{l} }}
}

type unreleased struct{ kv.Lease }

func (unreleased) Release() error { return nil }

// forgetful leaves the first who came to the semaphore out of what it reads.
type forgetful struct{ kv.Storage }

func (s forgetful) GetRange(ctx context.Context, start, end kv.Key) (kv.Records, error) {
	all, err := s.Storage.GetRange(ctx, start, end)
	first, n := -1, 0
	for i, r := range all {
		if strings.HasPrefix(string(r.Key), "coord/semaphore/s/q/") {
			if n++; first < 0 || r.Version < all[first].Version {
				first = i
			}
		}
	}
	if n > 1 {
		all = append(all[:first], all[first+1:]...)
	}
	return all, err
}

// silent does not tell who waits of a deletion.
type silent struct{ kv.Storage }

func (s silent) WaitForVersionChange(ctx context.Context, key kv.Key, v kv.Version) (kv.Record, error) {
	r, err := s.Storage.WaitForVersionChange(ctx, key, v)
	if err == nil && r.Key == "" {
		<-ctx.Done()
		return r, ctx.Err()
	}
	return r, err
}

// sloppy says of every fourth deletion that it was done, and does not do it.
type sloppy struct {
	kv.Storage
	n atomic.Int64
}

func (s *sloppy) Delete(ctx context.Context, key kv.Key) error {
	if s.n.Add(1)%4 == 0 {
		return nil
	}
	return s.Storage.Delete(ctx, key)
}

// watching changes the events of watches.
type watching struct {
	kv.Storage
	change func(kv.RangeEvent) kv.RangeEvent
}

func (s watching) WatchRange(ctx context.Context, start, end kv.Key) iter.Seq2[kv.RangeEvent, error] {
	return func(yield func(kv.RangeEvent, error) bool) {
		rw, _ := kv.As[kv.RangeWatcher](s.Storage)
		for ev, err := range rw.WatchRange(ctx, start, end) {
			if !yield(s.change(ev), err) {
				return
			}
		}
	}
}

func withoutDeletes(ev kv.RangeEvent) kv.RangeEvent {
	ev.Deletes = nil
	return ev
}

func withoutTheLastOfAll(ev kv.RangeEvent) kv.RangeEvent {
	if ev.Reset && len(ev.Puts) > 1 {
		ev.Puts = ev.Puts[:len(ev.Puts)-1]
	}
	return ev
}

// setBack is a store whose versions go back by a jump at some moment, as those of one that was restored from a backup.
type setBack struct {
	kv.Storage
	since *atomic.Int64 // the last version before the jump; zero before it
}

const jump = 1 << 40

func (s setBack) shown(v kv.Version) kv.Version {
	if since := s.since.Load(); since > 0 && int64(v) > since {
		v -= jump
	}
	return v
}

func (s setBack) meant(v kv.Version) kv.Version {
	if since := s.since.Load(); since > 0 && int64(v) > 0 && int64(v) < since-jump/2 {
		v += jump
	}
	return v
}

func (s setBack) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	v, err := s.Storage.Create(ctx, r)
	return s.shown(v), err
}

func (s setBack) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	r.Version = s.meant(r.Version)
	v, err := s.Storage.CasByVersion(ctx, r)
	return s.shown(v), err
}

func (s setBack) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	r, err := s.Storage.Get(ctx, key)
	r.Version = s.shown(r.Version)
	return r, err
}

func (s setBack) GetRange(ctx context.Context, start, end kv.Key) (kv.Records, error) {
	all, err := s.Storage.GetRange(ctx, start, end)
	for i := range all {
		all[i].Version = s.shown(all[i].Version)
	}
	return all, err
}

func (s setBack) WaitForVersionChange(ctx context.Context, key kv.Key, v kv.Version) (kv.Record, error) {
	r, err := s.Storage.WaitForVersionChange(ctx, key, s.meant(v))
	r.Version = s.shown(r.Version)
	return r, err
}
