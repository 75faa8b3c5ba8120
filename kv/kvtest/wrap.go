package kvtest

import (
	"sync"
	"testing"

	"github.com/coordkit/coord/kv"
)

// Hide returns st without its capabilities: what stands on it has the pure contract only. It is as correct as st.
func Hide(st kv.Storage) kv.Storage { return hidden{st} }

// hidden has neither As nor Unwrap, so that kv.As finds nothing beneath it.
type hidden struct{ kv.Storage }

// Close closes the storage beneath, if it can be.
func (h hidden) Close() error {
	if c, ok := h.Storage.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// Wrap returns a backend whose storages are b's, each wrapped, so that the suite tests the decorator: what it changes must keep the
// contract too. What wrap returns must be comparable, as pointers are.
func (b Backend) Wrap(wrap func(kv.Storage) kv.Storage) Backend {
	var beneath sync.Map // of each wrapped storage
	wrapped := func(t testing.TB, st kv.Storage) kv.Storage {
		w := wrap(st)
		beneath.Store(w, st)
		t.Cleanup(func() { beneath.Delete(w) })
		return w
	}
	plain := b
	b.New = func(t testing.TB) kv.Storage { return wrapped(t, plain.New(t)) }
	b.Second = func(t testing.TB, w kv.Storage) kv.Storage {
		st, ok := beneath.Load(w)
		if !ok {
			t.Fatalf("Second was given a %T that New did not return", w)
		}
		return wrapped(t, plain.Second(t, st.(kv.Storage)))
	}
	return b
}
