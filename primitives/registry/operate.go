package registry

import (
	"context"
	"errors"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/names"
)

// Drain orders the instance called id to be Draining for all readers, whatever it says of itself, until Undrain. It is for
// operators: the instance may be another process's, which is told in its [State], keeps the order over updates and losses, and
// need not do anything. To take an instance out of the store instead is of no use, for it comes back.
//
// It returns nil once the store has the order, also if it had it before. It returns ErrNoInstance if the instance is not there,
// or has said farewell; a *RecordError if its record cannot be read; kv.ErrUncertain if the answer was lost: a repeat finds out;
// kv.ErrInvalid, kv.ErrClosed, ctx.Err(), or the store's error.
func (r *Registry) Drain(ctx context.Context, service, id string) error {
	return r.order(ctx, "drain", service, id, Draining)
}

// Undrain ends what Drain has ordered: the instance is for readers what it says of itself. Its errors are those of Drain.
func (r *Registry) Undrain(ctx context.Context, service, id string) error {
	return r.order(ctx, "undrain", service, id, "")
}

func (r *Registry) order(ctx context.Context, op, service, id string, status Status) error {
	err := kv.ValidateContext(ctx)
	if err == nil {
		err = ValidateService(service)
	}
	if err == nil {
		err = names.Validate("instance", id)
	}
	if err == nil {
		err = r.usable()
	}
	if err == nil {
		err = r.writeOrder(ctx, service, id, status)
	}
	if err != nil {
		return &Error{Op: op, Service: service, ID: id, Err: err}
	}
	return nil
}

// writeOrder changes nothing but the order: all else in the record stays as it is stored, known here or not. The epoch is changed
// also if the order stands already, for whoever wrote it may not have come to that.
func (r *Registry) writeOrder(ctx context.Context, service, id string, status Status) error {
	for key := instanceKey(service, id); ; {
		now, err := r.st.Get(ctx, key)
		if errors.Is(err, kv.ErrNotFound) {
			return ErrNoInstance
		}
		if err != nil {
			return err
		}
		d, err := decodeRecord(now)
		if err != nil {
			return err
		}
		if d.Status == left {
			return ErrNoInstance
		}
		if d.Ordered != status {
			d.Ordered = status
			if now.Value, err = d.encode(); err != nil {
				return err
			}
			_, err = r.st.CasByVersion(ctx, now)
		}
		switch {
		case err == nil:
			return insistEpoch(ctx, r.st, service, id, newRetries(r.opts.TTL))
		case errors.Is(err, kv.ErrNotFound):
			return ErrNoInstance
		case !errors.Is(err, kv.ErrWrongVersion):
			return err
		}
	}
}
