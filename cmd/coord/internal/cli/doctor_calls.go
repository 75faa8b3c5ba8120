//go:build unix

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

const (
	// scratch is where the doctor writes: a key of its own under it, for as long as that takes.
	scratch = "coord/doctor/"
	// tries is how many calls a round trip is measured with.
	tries = 5
	// slow is how long a round trip may take on average before it is a warning: a lock costs several, and leases have to be renewed.
	slow = 100 * time.Millisecond
	// shortTTL is a lease that is shorter than what most stores grant.
	shortTTL = time.Second
)

// reads measures reads. It returns whether the store can be read.
func (d *doctor) reads(ctx context.Context, st kv.Storage) bool {
	return d.measure(ctx, "read", func(ctx context.Context) error {
		_, err := st.Get(ctx, scratch)
		if errors.Is(err, kv.ErrNotFound) {
			return nil
		}
		return err
	}) == nil
}

// writes measures writes to a key that goes with a lease, which is looked at too, also if it cannot be deleted.
func (d *doctor) writes(ctx context.Context, st kv.Storage) {
	lease, err := newLease(ctx, st, session.DefaultTTL)
	if err != nil {
		d.fail("lease", "", err)
		return
	}
	defer d.release(lease)
	d.granted(ctx, st, lease.TTL().Round(time.Second))
	record := kv.Record{Key: kv.Key(scratch + rand.Text()), Value: kv.Value("coord doctor"), Lease: lease.Id()}
	record.Version, err = within(ctx, func(ctx context.Context) (kv.Version, error) { return st.Create(ctx, record) })
	if err != nil {
		d.fail("write", "", err)
		return
	}
	_ = d.measure(ctx, "write", func(ctx context.Context) error {
		version, err := st.CasByVersion(ctx, record)
		record.Version = version
		return err
	})
	if _, err := within(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, st.Delete(ctx, record.Key) }); err != nil {
		d.fail("write", "", err)
	}
}

func newLease(ctx context.Context, st kv.Storage, ttl time.Duration) (kv.Lease, error) {
	return within(ctx, func(ctx context.Context) (kv.Lease, error) { return st.Lessor().NewLease(ctx, ttl, false) })
}

func (d *doctor) release(l kv.Lease) {
	if err := l.Release(); err != nil && !errors.Is(err, kv.ErrWrongLeaseId) {
		d.warn("lease", "it runs out by itself", "a lease could not be released: %v", err)
	}
}

// granted compares what was granted with what was asked for, and finds out how short a lease can be.
func (d *doctor) granted(ctx context.Context, st kv.Storage, granted time.Duration) {
	const asked = session.DefaultTTL
	short, err := newLease(ctx, st, shortTTL)
	if err != nil {
		d.fail("lease", "", err)
		return
	}
	defer d.release(short)
	switch shortest := short.TTL().Round(time.Second); {
	case granted < asked:
		d.fail("lease", "the store keeps less than it is asked for: what is held is lost too early", fmt.Errorf("asked for %v, granted %v", asked, granted))
	case granted > asked:
		d.warn("lease", "what the dead hold is held for as long; on etcd the election timeout bounds it from below",
			"asked for %v, granted %v", asked, granted)
	case shortest > shortTTL:
		d.ok("lease", "asked for %v, granted as much; the shortest is %v", asked, shortest)
	default:
		d.ok("lease", "asked for %v and %v, granted as much", asked, shortTTL)
	}
}

// measure makes calls and tells how long they took.
func (d *doctor) measure(ctx context.Context, check string, call func(context.Context) error) error {
	var took []time.Duration
	for range tries {
		began := time.Now()
		if _, err := within(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) }); err != nil {
			d.fail(check, "", err)
			return err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	middle := took[len(took)/2]
	ms := millis(middle)
	f := findingView{
		Check: check, Result: resultOK, Millis: &ms,
		Detail: fmt.Sprintf("%.1f ms, %.1f to %.1f in %d", ms, millis(took[0]), millis(took[len(took)-1]), tries),
	}
	if middle > slow {
		f.Result, f.Advice = resultWarn, "a lock takes as long as several of these; look at the network, and at the disks that the store syncs to"
	}
	d.found(f)
	return nil
}
