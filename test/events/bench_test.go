package events

import (
	"context"
	"testing"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// What a hook costs a Lock and Unlock on the fastest store there is.
func BenchmarkLock(b *testing.B) {
	for name, opts := range map[string]*session.Options{
		"no hook": nil,
		"hooks": {
			OnEvent: func(session.Event) {},
			OnAsk:   func(ctx context.Context, _ session.Event) context.Context { return ctx },
		},
	} {
		b.Run(name, func(b *testing.B) {
			st := memory.New(nil)
			s := session.New(st, opts)
			m := mutex.New(s, "m", nil)
			b.ReportAllocs()
			for b.Loop() {
				h, err := m.Lock(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if err := h.Unlock(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			_ = s.Close(b.Context())
			_ = st.Close()
		})
	}
}
