package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/bridge"
	"github.com/coordkit/coord/primitives/session"
)

// Config says which line to join, and how.
type Config struct {
	// Primitive and Name are what the holder is told to hold, in errors and events.
	Primitive, Name string
	// Root is the prefix of all entries of the line, Side what follows it in the keys of this kind of entry: both end in "/".
	Root, Side kv.Key
	// Note is shown to operators.
	Note string
	// Try makes Join return at once if anybody is there.
	Try bool
}

// renewals is how many lost leases one Join survives before it entered the line.
const renewals = 3

// Join enters the line and returns when everybody who was there before has gone.
//
// It returns an *OccupiedError if somebody was there and Config.Try is set, or if ctx ends while waiting; ctx.Err() alone if
// ctx ends before the store has said that anybody is there; session.ErrLost if the lease or the entry is lost while
// waiting; kv.ErrInvalid, kv.ErrClosed, or the store's error. After an error nothing of the attempt stays in the line: what cannot be
// removed at once is removed in the background, or goes with the lease.
func Join(ctx context.Context, s *session.Session, cfg Config) (*Place, error) {
	if err := kv.ValidateContext(ctx); err != nil {
		return nil, err
	}
	in := bridge.Inside(s)
	if in == nil {
		return nil, fmt.Errorf("%w: nil session", kv.ErrInvalid)
	}
	start := time.Now()
	for n := 0; ; n++ {
		t, err := in.Tenure(ctx)
		if err != nil {
			return nil, err
		}
		a := newAttempt(in.Storage(), t, &cfg, s.Owner(), start)
		p, err := a.run(ctx)
		// The lease may have gone between two uses; as long as nothing was entered under it, a new one is as good.
		if errors.Is(err, errNoLease) && n < renewals {
			continue
		}
		return p, err
	}
}

// errNoLease: the lease was over before the attempt stood in the line.
var errNoLease = fmt.Errorf("%w: lease over before joining", session.ErrLost)
