//go:build linux

package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
)

// localReads answers a Get with what one member has, as etcd does if it is asked for less: it may be behind.
type localReads struct {
	kv.Storage
	client *clientv3.Client
}

func (s *localReads) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	resp, err := s.client.Get(ctx, string(key), clientv3.WithSerializable())
	switch {
	case err != nil:
		return kv.Record{}, fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
	case len(resp.Kvs) == 0:
		return kv.Record{}, kv.ErrNotFound
	}
	r := resp.Kvs[0]
	return kv.Record{Key: key, Value: r.Value, Version: kv.Version(r.ModRevision), Lease: kv.LeaseId(r.Lease)}, nil
}

// lostAsFailed takes a lost answer for a lost request.
type lostAsFailed struct{ kv.Storage }

func (s *lostAsFailed) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	v, err := s.Storage.Create(ctx, r)
	return v, certain(err)
}

func (s *lostAsFailed) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	v, err := s.Storage.CasByVersion(ctx, r)
	return v, certain(err)
}

func certain(err error) error {
	if errors.Is(err, kv.ErrUncertain) {
		return kv.ErrUnavailable
	}
	return err
}

// TestBrokenClientsOfEtcdAreFound shows that histories under faults find what these faults bring about, in a client that does not mind
// them, and that the members' clients meet.
func TestBrokenClientsOfEtcdAreFound(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, c := range []struct {
		name   string
		under  nemesis
		breaks func(i int, st kv.Storage) kv.Storage
	}{
		{"reads of what one member has", leaderCutOff, func(i int, st kv.Storage) kv.Storage {
			if len(s.ways[i]) > 1 {
				return st
			}
			return &localReads{st, s.ways[i].Client(t)}
		}},
		{"swaps whatever the version is", followerStops, func(_ int, st kv.Storage) kv.Storage { return &lostUpdates{st} }},
		{"lost answers called failures", waysDisturbed, func(_ int, st kv.Storage) kv.Storage { return &lostAsFailed{st} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var handles []kv.Storage
			for i, st := range s.handles {
				handles = append(handles, c.breaks(i, st))
			}
			const enough = 20
			for n := range enough {
				seed := uint64(rand.Uint32())
				var sum tally
				ops := sum.playUnder(t, newWorld(kv.Key(fmt.Sprintf("%d/", seed)), throughFaults), s, c.under, handles, seed)
				if verdict(ops) == porcupine.Illegal {
					t.Logf("%s: found in history %d, of %d operations", c.under.name, n+1, len(ops))
					return
				}
			}
			require.FailNow(t, "not found", "in %d histories", enough)
		})
	}
}
