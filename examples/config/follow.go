package main

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/coordkit/coord/kv"
)

// followRecord calls apply with the value at key and with each one that follows, until ctx ends or the store refuses. An absent record
// cannot be waited for, so it is created with the default, which is also a good place for operators to find it.
func followRecord(ctx context.Context, st kv.Storage, key kv.Key, def kv.Value, apply func(kv.Value)) error {
	for {
		rec, err := st.Get(ctx, key)
		if errors.Is(err, kv.ErrNotFound) {
			_, err = st.Create(ctx, kv.Record{Key: key, Value: def})
			if err == nil || errors.Is(err, kv.ErrAlreadyExists) {
				continue // and read what is there now, whoever created it
			}
		}
		for err == nil && rec.Key != "" { // without a key: it was deleted
			apply(rec.Value)
			rec, err = st.WaitForVersionChange(ctx, key, rec.Version) // an outage of the store is waited out in it
		}
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
	}
}

// followRange calls apply with all records under a prefix, and again after each change, until ctx ends or the store refuses.
func followRange(ctx context.Context, st kv.Storage, prefix kv.Key, apply func(map[kv.Key]kv.Value)) error {
	w, ok := kv.As[kv.RangeWatcher](st)
	if !ok {
		return errors.New("this store cannot watch a range; follow single records instead")
	}
	now := map[kv.Key]kv.Value{}
	start, end := kv.PrefixRange(prefix)
	for event, err := range w.WatchRange(ctx, start, end) {
		if err != nil {
			return err
		}
		if event.Progress {
			continue // the store is there, and nothing has changed
		}
		if event.Reset { // the first event; later ones come after a position was lost, and then nothing known before counts
			clear(now)
		}
		for _, r := range event.Puts {
			now[kv.Key(strings.TrimPrefix(string(r.Key), string(prefix)))] = r.Value
		}
		for _, key := range event.Deletes {
			delete(now, kv.Key(strings.TrimPrefix(string(key), string(prefix))))
		}
		apply(maps.Clone(now))
	}
	return ctx.Err()
}
