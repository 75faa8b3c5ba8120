package fence_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

const key kv.Key = "app/report"

// inBubble runs body in fake time with a store of its own.
func inBubble(t *testing.T, body func(t *testing.T, st *memory.Storage)) {
	bubble.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer func() { require.NoError(t, st.Close()) }()
		body(t, st)
	})
}

// to is an f that puts value in the place of whatever was there.
func to(value string) func(kv.Value) (kv.Value, error) {
	return func(kv.Value) (kv.Value, error) { return kv.Value(value), nil }
}

// and is an f that adds to the value, so that a write that takes effect twice is seen.
func and(more string) func(kv.Value) (kv.Value, error) {
	return func(old kv.Value) (kv.Value, error) { return append(old, more...), nil }
}

func never(kv.Value) (kv.Value, error) { panic("f ran") }

func update(t *testing.T, st kv.Storage, token kv.Version, f func(kv.Value) (kv.Value, error)) kv.Version {
	t.Helper()
	v, err := fence.Update(t.Context(), st, key, token, f)
	require.NoError(t, err, "Update under %d", token)
	return v
}

func requireRecord(t *testing.T, st kv.Storage, value string, token kv.Version) {
	t.Helper()
	v, got, err := fence.Read(t.Context(), st, key)
	require.NoError(t, err, "Read")
	require.Equal(t, value, string(v), "the value")
	require.Equal(t, token, got, "the token")
}

func get(t *testing.T, st kv.Storage) kv.Record {
	t.Helper()
	r, err := st.Get(t.Context(), key)
	require.NoError(t, err, "Get(%q)", key)
	return r
}

// object is the record as other programs see it.
func object(t *testing.T, st kv.Storage) map[string]any {
	t.Helper()
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal(get(t, st).Value, &fields))
	return fields
}

// way is a process's way to the store. Its writes, counted from zero, go through onWrite, its reads through onGet, where those
// are set.
type way struct {
	kv.Storage
	onWrite func(n int, do func() (kv.Version, error)) (kv.Version, error)
	onGet   func() error
	writes  atomic.Int64
	gets    atomic.Int64
}

func (w *way) write(do func() (kv.Version, error)) (kv.Version, error) {
	n := int(w.writes.Add(1) - 1)
	if w.onWrite == nil {
		return do()
	}
	return w.onWrite(n, do)
}

func (w *way) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	return w.write(func() (kv.Version, error) { return w.Storage.Create(ctx, r) })
}

func (w *way) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	return w.write(func() (kv.Version, error) { return w.Storage.CasByVersion(ctx, r) })
}

func (w *way) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	w.gets.Add(1)
	if w.onGet != nil {
		if err := w.onGet(); err != nil {
			return kv.Record{}, err
		}
	}
	return w.Storage.Get(ctx, key)
}

var (
	errUncertain   = &kv.OpError{Op: "cas", Key: key, Err: fmt.Errorf("%w: answer lost", kv.ErrUncertain)}
	errUnavailable = &kv.OpError{Op: "cas", Key: key, Err: kv.ErrUnavailable}
)
