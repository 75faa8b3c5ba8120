// Package fault decorates a storage with the faults of the way to it: calls that are refused, writes whose request or answer is lost,
// writes that land after they were given up, and delays. What stands on a storage is tested with it: what a store may do at its worst,
// while it keeps the contract of package kv, happens here often.
//
// The faults are random and seeded. With one goroutine, or up to the order in which several come, a seed gives the same faults
// each time. It works in the fake time of testing/synctest, if the storage beneath does: call Wait, or Close, before the bubble ends.
package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
)

// Storage is a storage behind a faulty way. All methods are safe for concurrent use.
type Storage struct {
	*intercept.Storage
	closed chan struct{} // closed under mu

	mu       sync.Mutex
	landed   sync.Cond // told when underWay falls to zero
	dice     *rand.Rand
	faults   Faults
	underWay int // late writes
}

// New returns st behind a way with the faults. It panics if they are invalid, see [Faults].
func New(st kv.Storage, seed uint64, faults Faults) *Storage {
	faults.mustBeValid()
	s := &Storage{closed: make(chan struct{}), dice: rand.New(rand.NewPCG(seed, 0)), faults: faults}
	s.landed.L = &s.mu
	s.Storage = intercept.Wrap(st, s.pass)
	return s
}

// Set changes the faults of calls from now on. What is under way goes on as it was. It panics if they are invalid.
func (s *Storage) Set(faults Faults) {
	faults.mustBeValid()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// Heal ends the faults and the delays. Late writes still land, see [Storage.Wait].
func (s *Storage) Heal() { s.Set(Faults{}) }

// Wait returns when no late write is under way: after LateAtMost and the time that the store takes, at most 5 seconds.
func (s *Storage) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.underWay > 0 {
		s.landed.Wait()
	}
}

// Close closes the storage beneath, if it can be closed. Late writes that have not landed never will; one that the store is about
// is waited for. It may be repeated.
func (s *Storage) Close() error {
	s.mu.Lock()
	if !s.isClosed() {
		close(s.closed)
	}
	s.mu.Unlock()
	err := s.Storage.Close()
	s.Wait()
	return err
}

func (s *Storage) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// pass takes a call over the way.
func (s *Storage) pass(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
	fate := s.throw(c.Writes())
	pause(ctx, fate.delay)
	if ctx.Err() != nil {
		return do(ctx) // it was not sent, and the storage says so
	}
	switch fate.fault {
	case refused:
		return fmt.Errorf("%w: refused by package fault", kv.ErrUnavailable)
	case requestLost:
		return uncertain("request lost")
	case answerLost:
		_ = do(ctx)
		return uncertain("answer lost")
	case late:
		s.land(context.WithoutCancel(ctx), fate.late, do)
		return uncertain("under way")
	}
	return do(ctx)
}

func uncertain(why string) error { return fmt.Errorf("%w: %s by package fault", kv.ErrUncertain, why) }

// storeTime is how long the store may take over a late write.
const storeTime = 5 * time.Second

// land makes the call after a while, unless the storage is closed before.
func (s *Storage) land(ctx context.Context, after time.Duration, do func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed() {
		return // lost
	}
	s.underWay++
	go func() {
		defer s.hasLanded()
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.closed:
			return
		}
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		_ = do(ctx) // its caller has gone
	}()
}

func (s *Storage) hasLanded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay--; s.underWay == 0 {
		s.landed.Broadcast()
	}
}

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
