package registry

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
)

// lifeSign is how often a store that is no kv.RangeWatcher is asked whether it still answers: as often as one that is
// tells by itself.
const lifeSign = 10 * time.Second

// follow tells emit of the instances of a service as a kv.RangeWatcher would: the whole set first, with Reset, then what changes, and at
// least every 10 seconds something while the store answers. It returns when ctx ends, or with the store's error.
func (r *Registry) follow(ctx context.Context, service string, emit func(kv.RangeEvent)) error {
	if w, ok := kv.As[kv.RangeWatcher](r.st); ok {
		return followRange(ctx, w, service, emit)
	}
	return r.followRecords(ctx, service, emit)
}

func followRange(ctx context.Context, w kv.RangeWatcher, service string, emit func(kv.RangeEvent)) error {
	start, end := kv.PrefixRange(instances(service))
	for ev, err := range w.WatchRange(ctx, start, end) {
		if err != nil {
			return err
		}
		emit(ev)
	}
	return cmp.Or(ctx.Err(), errEnded)
}

// errEnded: a store's watch has ended and does not say why. It is begun anew like any other.
var errEnded = errors.New("the watch ended without an error")

// followRecords reads the epoch, then the instances, and then waits for the epoch or any instance to change.
//
// No join is missed: who joins writes the epoch after its record, having read it after its record. So either that write came before
// the epoch was read here, and the range, read later, has the instance; or the epoch is not what was read, and the wait ends. The
// order on either side is what this stands on. Nor is any other change missed that has an author, for each writes the epoch too.
// Expiry has none, and is why each instance is waited for by itself.
func (r *Registry) followRecords(ctx context.Context, service string, emit func(kv.RangeEvent)) error {
	waits := newWaits(ctx, r.st)
	defer waits.end()
	start, end := kv.PrefixRange(instances(service))
	for {
		e, err := readEpoch(ctx, r.st, service)
		if err != nil {
			return err
		}
		records, err := r.st.GetRange(ctx, start, end)
		if err != nil {
			return err
		}
		read := time.Now()
		emit(kv.RangeEvent{Reset: true, Puts: records})
		if err := r.untilChanged(ctx, waits, e, records, emit); err != nil {
			return err
		}
		// Others who join at the same time are read together; and who has vanished is looked for again before the guard judges.
		if err := again.Pause(ctx, r.opts.Debounce/2-time.Since(read)); err != nil {
			return err
		}
	}
}

// maxWaits is how many instances are waited for one by one. Of a larger service a death is seen by reading, every third of the TTL.
const maxWaits = 128

// untilChanged returns nil when something may be different from what was read, or when it is time to read again whatever happened.
func (r *Registry) untilChanged(
	ctx context.Context, waits *waits, e kv.Record, records kv.Records, emit func(kv.RangeEvent),
) error {
	atLast := 4*time.Minute + again.UpTo(2*time.Minute) // nothing should hide for longer, not even from a store with a fault
	if len(records) > maxWaits {
		atLast, records = r.opts.TTL/3, nil
	}
	waits.set(append(records, e))
	timer := time.NewTimer(atLast)
	defer timer.Stop()
	life := time.NewTicker(lifeSign)
	defer life.Stop()
	for {
		select {
		case err := <-waits.changed:
			return err
		case <-timer.C:
			return nil
		case <-life.C:
			if _, err := r.st.Get(ctx, e.Key); err != nil && !errors.Is(err, kv.ErrNotFound) {
				return err
			}
			emit(kv.RangeEvent{Progress: true})
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readEpoch returns a service's epoch, and makes one if there is none, to wait on.
func readEpoch(ctx context.Context, st kv.Storage, service string) (kv.Record, error) {
	for {
		e, err := st.Get(ctx, epochKey(service))
		if !errors.Is(err, kv.ErrNotFound) {
			return e, err
		}
		if _, err = st.Create(ctx, kv.Record{Key: epochKey(service), Value: epochValue("")}); err != nil && !errors.Is(err, kv.ErrAlreadyExists) {
			return kv.Record{}, err
		}
	}
}
