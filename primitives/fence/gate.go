package fence

import (
	"context"
	"fmt"
	"sync"

	"github.com/coordkit/coord/kv"
)

// Gate remembers the highest exclusive token that it has admitted and refuses lower ones. The zero Gate has seen none and is
// ready for use; one Gate stands before each thing that a lock guards. All methods are safe for concurrent use. A Gate must not
// be copied.
//
// # One step
//
// Admit alone decides, it does not write: between its answer and the caller's write a higher token can be admitted and written
// with. So either call Admit while holding whatever excludes other writes to the resource, and write before letting go, or
// write in Do.
//
// # Restarts
//
// A Gate lives in memory, and one that was made anew admits any token, until the first of the present holder shows up. Where
// the old holder could come in between, Highest must be stored with the data, in the same transaction as the write, and be
// given to Reset when the process starts.
type Gate struct {
	mu      sync.Mutex
	highest kv.Version // of the exclusive tokens
	turn    *turn      // whose calls of Do run; nil if none do
}

// turn is the time in which calls of Do run, all under one token.
type turn struct {
	token   kv.Version
	running int                     // guarded by the gate's mu
	idle    chan struct{}           // closed when the last call has returned
	over    context.Context         // ended, with a *StaleError as its cause, when a higher token is admitted
	end     context.CancelCauseFunc // ends over
}

// Admit admits a token of a writer: nil if it is not lower than the highest one seen, which it then becomes. Otherwise it
// returns a *StaleError, which is ErrStale, and kv.ErrInvalid for a token that is not positive; either changes nothing.
//
// It does not wait for calls of Do that run under a lower token, it only ends their ctx.
func (g *Gate) Admit(token kv.Version) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.admitLocked(token)
}

// AdmitShared checks a token of a reader as Admit does, with the same errors, and raises nothing: readers hold at the same
// time, and the one that came last must not shut out the others. So a reader is refused once a later writer was admitted; but
// it does not shut out the writer before it, whose late write can still fall between two reads.
func (g *Gate) AdmitShared(token kv.Version) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.checkLocked(token)
}

// Do admits token and runs f, with check and work in one step: an f starts only when every f under a lower token that was let
// in before it has returned, and none is let in after it. No two that run at the same time have different tokens.
//
// A token lower than the highest is refused as by Admit. Otherwise it counts as seen at once, the ctx of every f that runs
// under a lower token ends with a *StaleError as its cause, so that the f can make way, and Do waits until all of them have
// returned. If an even higher token comes meanwhile, Do returns the *StaleError. If ctx ends first, it returns ctx.Err(); the
// token stays seen. In all these cases f does not run. A nil ctx or f is kv.ErrInvalid, and an ended ctx is told before
// anything is done.
//
// Calls under the same token run side by side: Do orders holders, and the calls of one holder are its own affair. What an f of
// a lower token has written is visible to f. Do returns what f does, and a panic goes through. An f that calls Do of the same
// gate with a higher token waits for itself.
func (g *Gate) Do(ctx context.Context, token kv.Version, f func(ctx context.Context) error) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	if f == nil {
		return fmt.Errorf("%w: nil function", kv.ErrInvalid)
	}
	t, err := g.enter(ctx, token)
	if err != nil {
		return err
	}
	defer g.leave(t)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(t.over, func() { cancel(context.Cause(t.over)) })
	defer stop()
	return f(ctx)
}

// Highest returns the highest exclusive token admitted so far, or zero if there was none. It is what to store beside the data.
func (g *Gate) Highest() kv.Version {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.highest
}

// Reset makes token the highest one seen, also if that is lower than before; a token that is not positive means that none
// was seen.
//
// It is for two occasions. A process that starts gives it what was stored. And after the store of the locks was restored from a
// backup, in which versions can go back, new holders have lower tokens than old ones had and would be refused for ever: then stop
// everybody who still holds from before, since one of them that comes after Reset is admitted and raises the mark again; and call
// Reset with zero. Better is a restore after which versions do not go back (docs/fencing.md).
//
// Calls of Do that run go on, and later ones wait for them.
func (g *Gate) Reset(token kv.Version) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.highest = max(token, 0)
}

func (g *Gate) checkLocked(token kv.Version) error {
	if err := validateToken(token); err != nil {
		return err
	}
	if token < g.highest {
		return &StaleError{Token: token, Highest: g.highest}
	}
	return nil
}

func (g *Gate) admitLocked(token kv.Version) error {
	if err := g.checkLocked(token); err != nil {
		return err
	}
	g.highest = token
	if g.turn != nil && g.turn.token < token {
		g.turn.end(&StaleError{Token: g.turn.token, Highest: token}) // the first one's cause stays
	}
	return nil
}

// enter admits token and waits until the calls under other tokens have returned. The caller is then in the turn it returns.
func (g *Gate) enter(ctx context.Context, token kv.Version) (*turn, error) {
	if err := validateToken(token); err != nil {
		return nil, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, busy, err := g.tryEnter(token)
		if err != nil || t != nil {
			return t, err
		}
		select {
		case <-busy:
		case <-ctx.Done():
		}
	}
}

// tryEnter admits token and returns its turn, or, while another token has the turn, the channel that is closed at its end. A
// higher token has been admitted before it waits, so nothing lower can start and keep the turn for ever.
func (g *Gate) tryEnter(token kv.Version) (t *turn, busy <-chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.admitLocked(token); err != nil {
		return nil, nil, err
	}
	if g.turn != nil && g.turn.token != token {
		return nil, g.turn.idle, nil
	}
	if g.turn == nil {
		g.turn = &turn{token: token, idle: make(chan struct{})}
		g.turn.over, g.turn.end = context.WithCancelCause(context.Background())
	}
	g.turn.running++
	return g.turn, nil, nil
}

func (g *Gate) leave(t *turn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.running--; t.running == 0 {
		g.turn = nil
		t.end(nil)
		close(t.idle)
	}
}
