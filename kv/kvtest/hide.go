package kvtest

import "github.com/coordkit/coord/kv"

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
