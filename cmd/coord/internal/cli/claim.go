//go:build unix

package cli

import (
	"context"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// claim is what a program is to run under: a lock, a slot, a leadership.
type claim interface {
	// what names it in messages: lock "deploy". kind is for the status file.
	what() string
	kind() string
	// try gets it at once or not at all, await waits for it. If the store has said that somebody else has it, or asked before, the error
	// is a *takenError.
	try(ctx context.Context, st kv.Storage, s *session.Session) (grant, error)
	await(ctx context.Context, st kv.Storage, s *session.Session) (grant, error)
	// look tells how its line stands for the one in it that lives under the lease. It makes one GetRange, and no other call.
	look(ctx context.Context, st kv.Storage, lease kv.LeaseId) (standing, error)
	// environ is what the program is told of it.
	environ(g grant) []string
}

// grant is a claim that was granted.
type grant interface {
	Key() kv.Key
	Lease() kv.LeaseId
	Token() kv.Version
	Done() <-chan struct{}
	Err() error
	ValidFor() time.Duration
}

// granted is a primitive's answer as a claim's: no grant is nil, and not an interface that holds one.
func granted[G grant](g G, err error) (grant, error) {
	if err != nil {
		return nil, err
	}
	return g, nil
}

// takenError says who has what was not to be had.
type takenError struct {
	by  string
	err error
}

func (e *takenError) Error() string { return e.by }

func (e *takenError) Unwrap() error { return e.err }

// named returns what names the first of several: it, and how many there are beside it.
func named[E interface{ String() string }](entries []E) string {
	switch n := len(entries); n {
	case 0:
		return ""
	case 1:
		return entries[0].String()
	default:
		return entries[0].String() + " and " + plural(n-1, "other")
	}
}
