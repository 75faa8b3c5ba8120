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
	// Rivals is the prefix of all entries that may be in the way of this kind; empty is Root.
	Rivals kv.Key
	// Aside is a record beside the entries that the rule or Seal goes by; empty if there is none. It is created by who uses it, is never
	// deleted, and is under Around, which is the prefix of all that the line is made of; empty is Root.
	Aside, Around kv.Key
	// Rule says who waits for whom.
	Rule Rule
	// Shared, Weight and Priority are what the rule goes by, and ID who stands for election; see Entry.
	Shared   bool
	Weight   int64
	Priority int
	ID       string
	// Marks has an entry that waited marked when its place is granted, for those behind it who wait for that.
	Marks bool
	// Seal, if it is set, is called when nobody is in the way, with the line as it was then, and makes the place s.Own's by a write, whose
	// version is the hold's token. ErrAgain says that somebody else was faster: the attempt waits on. Any other error ends it.
	Seal func(ctx context.Context, st kv.Storage, s Sight) (token kv.Version, err error)
	// Again, if it is set, is told why an attempt failed, and returns nil if it has done what lets another one succeed, else what Join returns.
	// Events tell of all attempts of one Join as of one.
	Again func(ctx context.Context, st kv.Storage, err error) error
	// Fail makes the error of Join into the caller's, which events tell too; nil leaves it as it is.
	Fail func(c *Config, err error) error
	// Note is shown to operators.
	Note string
	// Try makes Join return at once if anybody is in the way.
	Try bool
}

// renewals is how many lost leases one Join survives before it entered the line.
const renewals = 3

// Join enters the line and returns when nobody who was there before is in the way any more.
//
// It returns an *OccupiedError if somebody is in the way and Config.Try is set, or if ctx ends while waiting; ctx.Err() alone if
// ctx ends before the store has said that anybody is there; session.ErrLost if the lease or the entry is lost while
// waiting; kv.ErrInvalid, kv.ErrClosed, the rule's error, or the store's. After an error nothing of the attempt stays in the line: what
// cannot be removed at once is removed in the background, or goes with the lease.
func Join(ctx context.Context, s *session.Session, cfg Config) (*Place, error) {
	k := &asking{c: cfg, since: time.Now()}
	k.complete()
	if err := kv.ValidateContext(ctx); err != nil {
		return nil, k.callers(err)
	}
	k.in = bridge.Inside(s)
	if k.in == nil {
		return nil, k.callers(fmt.Errorf("%w: nil session", kv.ErrInvalid))
	}
	k.ctx = k.in.Asked(ctx, k.what())
	return k.join(s.Owner())
}

// ErrAgain is for Config.Seal.
var ErrAgain = errors.New("somebody else was faster")

// errNoLease: the lease was over before the attempt stood in the line.
var errNoLease = fmt.Errorf("%w: lease over before joining", session.ErrLost)
