package registry

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/worlds"
)

// What is out of bounds is refused before anything is done.
func TestRegisterOutOfBoundsIsInvalid(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		st := count.New(store)
		r := on(t, st, nil)
		for what, wrong := range map[string]func(i *registry.Instance){
			"no service": func(i *registry.Instance) { i.Service = "" },
			"long ID":    func(i *registry.Instance) { i.ID = strings.Repeat("i", 256) },
			"long key":   func(i *registry.Instance) { i.Service, i.ID = strings.Repeat("ü", 127), strings.Repeat("ü", 127) },
			"weight":     func(i *registry.Instance) { i.Weight = registry.MaxWeight + 1 },
			"status":     func(i *registry.Instance) { i.Status = "left" },
			"address":    func(i *registry.Instance) { i.Endpoints[0].Address = ":0" },
			"payload":    func(i *registry.Instance) { i.Payload = []byte("{") },
			"size":       func(i *registry.Instance) { i.Metadata = map[string]string{"k": strings.Repeat("v", 4<<10)} },
		} {
			i := instance(t, "a")
			wrong(&i)
			_, err := r.Register(t.Context(), i)
			require.ErrorIs(t, err, kv.ErrInvalid, what)
			if what != "size" { // which is a registry's
				require.ErrorIs(t, i.Validate(), kv.ErrInvalid, what)
			}
		}
		bare := registry.Instance{Service: "s"}
		require.NoError(t, bare.Validate())
		require.Equal(t, registry.Instance{Service: "s"}, bare, "Validate changes nothing")
		var none context.Context
		_, err := r.Register(none, instance(t, "a"))
		require.ErrorIs(t, err, kv.ErrInvalid, "nil ctx")
		_, err = r.Register(worlds.Ended(), instance(t, "a"))
		require.ErrorIs(t, err, worlds.Ended().Err())
		for _, o := range []registry.Options{
			{TTL: -1}, {MaxSize: -1}, {MaxSize: registry.MaxSize + 1}, {OnDuplicate: 7}, {Check: &registry.Check{}},
		} {
			_, err := registry.New(st, &o).Register(t.Context(), instance(t, "a"))
			require.ErrorIs(t, err, kv.ErrInvalid, "%+v", o)
			require.ErrorIs(t, registry.New(st, &o).Drain(t.Context(), "s", "a"), kv.ErrInvalid, "%+v", o)
		}
		require.ErrorIs(t, r.Drain(t.Context(), "", "a"), kv.ErrInvalid)
		require.ErrorIs(t, r.Drain(t.Context(), "s", ""), kv.ErrInvalid)
		require.Zero(t, st.Total(), "calls")
	})
}

// A record may be as large as the setting says, and not one byte larger; and one of the greatest size is registered and seen.
func TestRecordsOfTheGreatestSize(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		r := on(t, store, &registry.Options{MaxSize: registry.MaxSize})
		i := instance(t, "a")
		i.Metadata = map[string]string{"k": ""}
		register(t, r, i)
		size := len(records(t, store)["a"].Value)
		i.ID, i.Metadata["k"] = "b", strings.Repeat("v", registry.MaxSize-size)
		register(t, r, i)
		require.Len(t, records(t, store)["b"].Value, registry.MaxSize)
		seen, err := r.Lookup(t.Context(), service(t), registry.Meta("k", i.Metadata["k"]))
		require.NoError(t, err)
		require.Len(t, seen, 1)
		i.ID, i.Metadata["k"] = "c", i.Metadata["k"]+"v"
		_, err = r.Register(t.Context(), i)
		require.ErrorIs(t, err, kv.ErrTooLarge)
	})
}
