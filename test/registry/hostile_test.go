package registry

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// Names of fields that package json takes for others: it ignores case, and to it ſ is an s.
func TestFieldsThatLookLikeOursDoNotOutliveARewrite(t *testing.T) {
	for name, fields := range map[string]map[string]any{
		"case":        {"Status": "left", "ZONE": "x", "Tags": []string{"x"}, "oRdered": "draining"},
		"its folding": {"\u017ftatus": "left", "tag\u017f": []string{"x"}},
	} {
		inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
			r := on(t, store, nil)
			g := register(t, r, instance(t, "a"))
			time.Sleep(attended)
			edit(t, store, keyOf(service(t), "a"), func(f map[string]any) {
				f["x-unknown"] = "kept"
				for k, v := range fields {
					f[k] = v
				}
			})
			time.Sleep(time.Second)
			require.NoError(t, r.Undrain(t.Context(), service(t), "a"))
			time.Sleep(time.Second)
			seen, err := r.Lookup(t.Context(), service(t))
			require.NoError(t, err)
			require.Len(t, seen, 1, "%s: it is alive and registered, and hidden", name)
			require.Equal(t, registry.Serving, seen[0].Status, name)
			require.Empty(t, seen[0].Zone, name)
			require.Empty(t, seen[0].Tags, name)
			require.Equal(t, registry.Registered, g.State().Phase)
			require.Equal(t, "kept", records(t, store)["a"].Unknown)
		})
	}
}

// What others have put into a record must not keep it from being written: JSON that is rewritten may grow.
func TestARecordSwollenByOthersIsStillWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		r := on(t, store, nil)
		g := register(t, r, instance(t, "a"))
		time.Sleep(attended)
		key := keyOf(service(t), "a")
		swollen, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		more := `,"x":"` + strings.Repeat("<", kv.MaxValueLen/2) + `"}`
		swollen.Value = append(swollen.Value[:len(swollen.Value)-1], more...)
		require.True(t, json.Valid(swollen.Value))
		_, err = store.CasByVersion(t.Context(), swollen)
		require.NoError(t, err)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, g.Update(ctx, func(i *registry.Instance) { i.Weight = 7 }), "Update")
		require.Equal(t, 7, records(t, store)["a"].Weight)
		require.NoError(t, store.Delete(t.Context(), key))
		time.Sleep(back + time.Second)
		require.Equal(t, registry.Registered, g.State().Phase, "it comes back")
		closeIt(t, g)
	})
}
