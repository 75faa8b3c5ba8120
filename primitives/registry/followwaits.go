package registry

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/coordkit/coord/kv"
)

// waits are the waits on a set of records. One goroutine uses them.
type waits struct {
	ctx     context.Context
	st      kv.Storage
	changed chan error // holds one: nil if a record is not what it was, or why that cannot be told
	running map[kv.Key]wait
	work    sync.WaitGroup
}

// wait is the one on a record.
type wait struct {
	version kv.Version
	cancel  context.CancelFunc
	ended   *atomic.Bool
}

func newWaits(ctx context.Context, st kv.Storage) *waits {
	return &waits{ctx: ctx, st: st, changed: make(chan error, 1), running: make(map[kv.Key]wait)}
}

// set makes these the records that are waited on. A wait on one that is the same goes on, so a round costs only what is new.
func (w *waits) set(records kv.Records) {
	versions := make(map[kv.Key]kv.Version, len(records))
	for _, r := range records {
		versions[r.Key] = r.Version
	}
	for key, running := range w.running {
		if versions[key] != running.version || running.ended.Load() {
			running.cancel()
			delete(w.running, key)
		}
	}
	for key, version := range versions {
		if _, ok := w.running[key]; ok {
			continue
		}
		ctx, cancel := context.WithCancel(w.ctx)
		running := wait{version: version, cancel: cancel, ended: new(atomic.Bool)}
		w.running[key] = running
		w.work.Go(func() {
			err := w.wait(ctx, key, version)
			running.ended.Store(true) // before it is told, so that the round that it calls for waits anew
			if err != nil && ctx.Err() != nil {
				return // nobody asks any more
			}
			select {
			case w.changed <- err:
			default: // there will be a round as it is
			}
		})
	}
}

// wait returns nil when the record has another version, or is not there.
func (w *waits) wait(ctx context.Context, key kv.Key, version kv.Version) error {
	_, err := w.st.WaitForVersionChange(ctx, key, version)
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	}
	return err
}

// end ends them all and waits until they have.
func (w *waits) end() {
	for _, running := range w.running {
		running.cancel()
	}
	w.work.Wait()
}
