// Package registrytest writes the records of a registry as somebody else's program does: as JSON, without package registry.
package registrytest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// Key is where the instance of a service is. Neither name may need escaping.
func Key(service, id string) kv.Key { return kv.Key("coord/registry/" + service + "/i/" + id) }

// Put writes the instance, whether it is there or not. Its service and ID may not need escaping. The store must be a
// kv.RangeWatcher, for no epoch is written.
func Put(t *testing.T, st kv.Storage, i registry.Instance) {
	t.Helper()
	if i.Status == "" {
		i.Status = registry.Serving
	}
	value, err := json.Marshal(map[string]any{
		"format": 1, "incarnation": "test", "status": i.Status, "endpoints": i.Endpoints, "version": i.Version, "zone": i.Zone,
		"weight": i.Weight, "tags": i.Tags, "metadata": i.Metadata,
	})
	require.NoError(t, err)
	ctx := context.WithoutCancel(t.Context())
	rec := kv.Record{Key: Key(i.Service, i.ID), Value: value}
	for {
		_, err := st.Create(ctx, rec)
		if !errors.Is(err, kv.ErrAlreadyExists) {
			require.NoError(t, err)
			return
		}
		cur, err := st.Get(ctx, rec.Key)
		if err == nil {
			rec.Version = cur.Version
			_, err = st.CasByVersion(ctx, rec)
		}
		if !errors.Is(err, kv.ErrNotFound) && !errors.Is(err, kv.ErrWrongVersion) {
			require.NoError(t, err)
			return
		}
		rec.Version = 0
	}
}

// Die deletes the records of instances, as the end of their leases does: without a farewell.
func Die(t *testing.T, st kv.Storage, service string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		require.NoError(t, st.Delete(context.WithoutCancel(t.Context()), Key(service, id)))
	}
}
