package mutex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/internal/line"
)

// Who takes a lock with a delay leaves a record under its own token, without a lease, before Lock returns, and deletes it before its
// entry when it gives the lock back. So a record whose entry is gone is of one that did not give it back. The next holder waits it out,
// counted from when it was found, for nobody can tell since when its writer has been gone. Each has a key of its own, so a late delete
// hits no other's.

// left is the record's value on the store, as JSON.
type left struct {
	Format int   `json:"format"`
	Millis int64 `json:"delay_ms"`
}

func (h *Held) delayKey() kv.Key {
	return delays(h.l.name) + kv.Key(strconv.FormatInt(int64(h.Token()), 10))
}

// waitOut leaves this holder's record, and waits out and clears away those of holders that did not give the lock back. A try does not
// wait. After an error the lock and its record are given back: by a try at once, else in the background.
func (h *Held) waitOut(parent context.Context, try bool) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	stop := context.AfterFunc(h.Context(ctx), func() { cancel(h.Err()) }) // at a loss; a hold that ends with ctx finds it over
	defer stop()

	err := h.leaveRecord(ctx)
	var dead kv.Records
	if errors.Is(err, errOthers) {
		dead, err = h.ofTheDead(ctx)
	}
	if err == nil && len(dead) > 0 {
		err = h.waitFor(ctx, dead, try)
	}
	lost := h.Err()
	switch {
	case err == nil:
		return nil // a loss is told by the handle
	case try && lost == nil && parent.Err() == nil:
		return errors.Join(err, h.place.LeaveAfter(parent, h.clean))
	case lost != nil:
		err = lost
	}
	h.place.Abandon(h.clean)
	return err
}

// errOthers: there are records of others, of the living or the dead.
var errOthers = errors.New("records of others")

// leaveRecord writes this holder's record, and returns errOthers if it is not the only one. The token is this holder's alone, so a record
// found under it is its own, of a try whose answer was lost.
func (h *Held) leaveRecord(ctx context.Context) error {
	millis := (h.l.opts.Delay + time.Millisecond - 1).Milliseconds()
	value, err := json.Marshal(left{Format: 1, Millis: millis})
	if err != nil {
		return err
	}
	st := h.place.Storage()
	record := kv.Record{Key: h.delayKey(), Value: value}
	start, end := kv.PrefixRange(delays(h.l.name))
	create := func() (others int, err error) {
		if appender, ok := kv.As[kv.Appender](st); ok {
			_, _, others, err := appender.Append(ctx, record, start, end)
			return others, err
		}
		if _, err := st.Create(ctx, record); err != nil {
			return 0, err
		}
		records, err := st.GetRange(ctx, start, end)
		return len(records) - 1, err
	}
	for {
		others, err := create()
		switch {
		case err == nil && others == 0:
			return nil
		case err == nil, errors.Is(err, kv.ErrAlreadyExists):
			return errOthers
		case !errors.Is(err, kv.ErrUncertain) || ctx.Err() != nil:
			return err
		}
		if err := again.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// ofTheDead returns the records of those who were there before and did not give the lock back. The line is read before the records: who
// leaves deletes its record first, so one that is there though its entry was gone is of the dead. Who came later is no concern.
func (h *Held) ofTheDead(ctx context.Context) (kv.Records, error) {
	st := h.place.Storage()
	entries, err := line.Read(ctx, st, root(h.l.name))
	if err != nil {
		return nil, err
	}
	living := make(map[kv.Version]bool, len(entries))
	for _, e := range entries {
		living[e.Token] = true
	}
	prefix, end := kv.PrefixRange(delays(h.l.name))
	records, err := st.GetRange(ctx, prefix, end)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(records, func(r kv.Record) bool {
		token, err := strconv.ParseInt(string(r.Key[len(prefix):]), 10, 64)
		return err == nil && (living[kv.Version(token)] || kv.Version(token) >= h.Token())
	}), nil
}

// waitFor waits for the longest delay of the dead's records, and deletes them. A try has the store wait in its place.
func (h *Held) waitFor(ctx context.Context, dead kv.Records, try bool) error {
	wait := time.Duration(0)
	for _, r := range dead {
		wait = max(wait, h.delayOf(r))
	}
	if try {
		if err := h.runOut(ctx, dead, wait); err != nil {
			return fmt.Errorf("%w: %w", ErrDelayed, err)
		}
		return fmt.Errorf("%w: up to %v are left", ErrDelayed, wait)
	}
	if err := again.Pause(ctx, wait); err != nil {
		return fmt.Errorf("%w: %w", ErrDelayed, err)
	}
	return h.clear(ctx, dead)
}

// runOut puts records that go by themselves after the delay in place of the dead's, for a lock that is only ever tried would never
// come free else.
func (h *Held) runOut(ctx context.Context, dead kv.Records, delay time.Duration) error {
	forever := slices.DeleteFunc(slices.Clone(dead), func(r kv.Record) bool { return r.Lease != kv.NoLeaseId })
	if len(forever) == 0 {
		return nil
	}
	st := h.place.Storage()
	lease, err := st.Lessor().NewLease(ctx, max(delay, time.Millisecond), false)
	if err != nil {
		return err
	}
	for _, r := range forever {
		r.Key += "/out" // no token: of one who is dead for sure
		r.Lease = lease.Id()
		if _, err := st.Create(ctx, r); err != nil && !errors.Is(err, kv.ErrAlreadyExists) {
			return err
		}
	}
	return h.clear(ctx, forever)
}

// clear deletes the dead's records. Of readers who look at the same time each waits, and deletes.
func (h *Held) clear(ctx context.Context, dead kv.Records) error {
	for _, r := range dead {
		if err := h.place.Storage().Delete(ctx, r.Key); err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
	}
	return nil
}

// delayOf is what a record asks for; this holder's own delay if it cannot be read.
func (h *Held) delayOf(r kv.Record) time.Duration {
	var l left
	if err := json.Unmarshal(r.Value, &l); err != nil || l.Format != 1 || l.Millis < 0 || l.Millis > maxDelay.Milliseconds() {
		return h.l.opts.Delay
	}
	return time.Duration(l.Millis) * time.Millisecond
}

// clean deletes this holder's record, if it left one. Where that fails the next holder waits without need, and deletes it.
func (h *Held) clean(ctx context.Context) {
	if h.l.opts.Delay > 0 {
		_ = h.place.Storage().Delete(ctx, h.delayKey())
	}
}
