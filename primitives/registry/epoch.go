package registry

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
)

// epoch is the epoch's record. What counts is its version; the rest is for people.
type epoch struct {
	Format int `json:"format"`
	// By is the instance whose change it was written after. Of several at once it names one.
	By string `json:"by,omitempty"`
}

func epochValue(id string) kv.Value {
	value, _ := json.Marshal(epoch{Format: format, By: id}) // never fails: strings and numbers
	return value
}

// changeEpoch changes the service's epoch once, after a change of the instance id. It must be called when that change has been
// made: the epoch is read here, after it, so whoever has it otherwise by the time of the write, so that the write fails, has also
// written after that change. A failed comparison is therefore as good as a write, and of many that change it at once one is
// enough; nobody tries twice. So is an epoch that somebody has deleted in between: that ends the waits on it, and who comes
// afterwards makes a new one before reading the instances.
//
// That holds on every store, also where this process could watch a range: readers without that capability live by the epoch.
//
// Whatever else its error is, it is to be called once more.
func changeEpoch(ctx context.Context, st kv.Storage, service, id string) error {
	r := kv.Record{Key: epochKey(service), Value: epochValue(id)}
	now, err := st.Get(ctx, r.Key)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		if _, err = st.Create(ctx, r); errors.Is(err, kv.ErrAlreadyExists) {
			return nil
		}
	case err == nil:
		r.Version = now.Version
		if _, err = st.CasByVersion(ctx, r); errors.Is(err, kv.ErrWrongVersion) || errors.Is(err, kv.ErrNotFound) {
			return nil
		}
	}
	return err
}

// insistEpoch is changeEpoch, again and again until it is done, or ctx ends, or it is hopeless.
func insistEpoch(ctx context.Context, st kv.Storage, service, id string, tries *again.Backoff) error {
	for {
		err := changeEpoch(ctx, st, service, id)
		if err == nil || ctx.Err() != nil || errors.Is(err, kv.ErrClosed) {
			return err
		}
		timer := time.NewTimer(tries.Next())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}
