package registry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/session"
)

// callBound bounds each call to the store, so that one that gets no answer is tried again.
const callBound = 5 * time.Second

// errUnrenewed: the lease was not renewed in time, and may be gone.
var errUnrenewed = errors.New("lease not renewed in time")

// errGone: the record is not in the store any more.
var errGone = errors.New("gone from the store")

// keeper keeps a registration. Its fields belong to the one goroutine of run, which makes every write: advance brings the store
// to what is wanted, one step at a time, from what is known of it; when nothing is left to do run waits for news, and when a step
// fails it tries again. An unknown outcome is knowledge, too: unsure, and the record is read before anything else is done.
type keeper struct {
	*Registration
	st  kv.Storage
	log *slog.Logger

	lease kv.Lease        // nil before the first
	over  <-chan struct{} // its Done, until that was heard; nil if it has none
	spent bool            // the lease is known, or taken, to be gone: a new one is needed
	ttl   time.Duration   // of a lease, as wanted or as granted, whichever is longer

	version  kv.Version    // the record's, if the store has it as far as is known; else 0
	stored   record        // what it says; after a loss, what it said
	unsure   bool          // the record is to be read
	dirty    bool          // a create under the lease was sent that may take effect yet
	strays   []stray       // former leases that may not be gone yet
	detached bool          // somebody has taken the record, in which the farewell is said, from its lease
	owed     bool          // the epoch is to be changed
	reading  uint64        // the number of the wanted data that was looked at last
	delay    time.Duration // before it is registered again; zero if that is over
	rival    rival
	deadline time.Time // when to wait no more for another instance to go; zero before one is met

	told session.EventKind // the last event

	wait  *ownWait  // the wait on the record's key; nil if there is none
	again time.Time // when to begin the next one, after one that failed
	tries *again.Backoff

	work sync.WaitGroup // the check's and the waits' goroutines
}

func newKeeper(g *Registration) *keeper {
	ttl := g.r.opts.TTL
	return &keeper{
		Registration: g, st: g.r.st, ttl: ttl, tries: newRetries(ttl),
		log: g.r.opts.Logger.With("service", g.service, "instance", g.id),
	}
}

// run keeps the registration until it is closed, and then says farewell.
func (k *keeper) run() {
	for k.life.Err() == nil {
		err := k.advance()
		var other *DuplicateError
		switch {
		case k.life.Err() != nil:
		case err == nil:
			k.inSync()
			k.idle()
		case errors.Is(err, kv.ErrClosed):
			k.giveUp(err)
		case errors.As(err, &other):
			k.contest(other)
		case k.joining() && refusal(err):
			k.giveUp(err)
		default:
			k.failed(err)
			k.pause(k.tries.Next())
		}
	}
	k.leave()
	k.end()
}

// advance does what there is to do, until nothing is left.
func (k *keeper) advance() error {
	for k.life.Err() == nil {
		var err error
		switch {
		case k.unsure:
			err = k.look()
		case k.version == 0 && k.delay > 0:
			k.rest()
		case k.version == 0 && (k.lease == nil || k.spent || k.dirty):
			err = k.grant()
		case k.version == 0 && len(k.strays) > 0:
			err = k.endStrays()
		case k.version == 0:
			err = k.create()
		case k.outdated():
			err = k.rewrite()
		case k.owed:
			err = k.tellReaders()
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return k.life.Err()
}

// refusal reports whether the store answers that it will not do this, so that asking again is of no use: the caller lacks a right,
// or the store has no room for such an instance. What is out of reach, late, or lost on the way is none.
func refusal(err error) bool {
	for _, passing := range []error{
		kv.ErrUnavailable, kv.ErrUncertain, kv.ErrWrongLeaseId, context.DeadlineExceeded, context.Canceled, errUnrenewed,
	} {
		if errors.Is(err, passing) {
			return false
		}
	}
	return true
}

// call is the ctx of a call.
func (k *keeper) call() (context.Context, context.CancelFunc) {
	return context.WithTimeout(k.life, callBound)
}

func (k *keeper) phaseNow() Phase {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.phase
}

func (k *keeper) joining() bool { return k.phaseNow() == Joining }

// inSync notes that the store has what is wanted.
func (k *keeper) inSync() {
	k.tries, k.delay, k.rival = newRetries(k.ttl), 0, rival{}
	k.mu.Lock()
	was, took := k.phase, time.Since(k.since)
	if k.closing { // withdrawn in the last moment: it has never been registered
		k.mu.Unlock()
		return
	}
	k.written = k.reading
	k.enterLocked(Registered, nil)
	k.mu.Unlock()
	if was != Registered {
		k.tellHook(session.Registered, took, nil)
	}
	switch {
	case was == Lost:
		k.log.Info("instance registered again")
	case was == Joining && k.r.opts.Check != nil:
		k.work.Go(func() { k.watchHealth(k.life, k.r.opts.Check) })
	}
}

// failed notes that a step has failed. The instance counts as registered for as long as its lease is good: nobody misses it.
func (k *keeper) failed(err error) {
	if k.phaseNow() == Registered && k.lease.TTL() <= 0 {
		k.lose(err)
		return
	}
	k.mu.Lock()
	first := k.fault == nil
	k.enterLocked(k.phase, err)
	k.mu.Unlock()
	if first {
		k.log.Warn("keeping an instance registered failed, trying again", "err", err)
	}
}

// lose notes that the instance may not be in the store any more. If it must be registered again, that is after a random delay,
// since whoever lost the same store at the same moment would come back at the same moment.
func (k *keeper) lose(err error) {
	k.mu.Lock()
	was, took := k.phase, time.Since(k.since)
	if was == Joining { // there is nothing to lose yet
		k.enterLocked(Joining, err)
	} else {
		k.enterLocked(Lost, err)
	}
	k.mu.Unlock()
	if was == Registered {
		k.delay = jitter(min(k.ttl/3, 5*time.Second))
		k.log.Warn("instance lost", "err", err)
		k.tellHook(session.RegistrationLost, took, err)
	}
}

// giveUp closes the registration because it cannot go on: never after it was registered once, unless the storage was closed.
func (k *keeper) giveUp(err error) {
	if errors.Is(err, kv.ErrClosed) {
		k.settle(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closing {
		return
	}
	k.fault, k.closing, k.withdrawn = err, true, k.phase == Joining
	k.die()
	k.tellLocked()
}

// idle waits until there is something to do. It makes no call, but for the wait on the record.
func (k *keeper) idle() {
	for !k.unsure && k.life.Err() == nil {
		left := k.lease.TTL()
		if left <= 0 {
			// It may be gone, or an outage may have kept it alive: etcd extends its leases when a leader is elected. Renewal goes
			// on; the record tells.
			k.unsure = true
			k.lose(errUnrenewed)
			return
		}
		if k.await(min(left, k.attend(k.version)), k.poke) {
			return
		}
	}
}

// await returns after d, or when the wait on the record or the lease has something to tell, or when the registration closes; and
// reports true if it was because of poke.
func (k *keeper) await(d time.Duration, poke <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-k.life.Done():
	case <-poke:
		return true
	case <-timer.C:
	case <-k.over:
		k.over = nil // it stays closed, even if the lease turns out to live
	case s := <-k.wait.came():
		k.saw(s)
	}
	return false
}

// pause waits before the next try, unless the record's key has news.
func (k *keeper) pause(d time.Duration) {
	for until := time.Now().Add(d); time.Until(until) > 0 && k.life.Err() == nil; {
		had := k.wait
		k.await(time.Until(until), nil)
		if had != nil && k.wait == nil {
			return
		}
	}
}

// rest waits for the delay after a loss.
func (k *keeper) rest() {
	timer := time.NewTimer(k.delay)
	defer timer.Stop()
	k.delay = 0
	select {
	case <-timer.C:
	case <-k.life.Done():
	}
}

// end ends the registration.
func (k *keeper) end() {
	k.mu.Lock()
	took, err := time.Since(k.since), k.result
	if k.withdrawn {
		err = k.fault
	}
	k.enterLocked(Closed, err)
	k.mu.Unlock()
	k.tellHook(session.RegistrationClosed, took, err)
	k.work.Wait()
	k.r.mu.Lock()
	delete(k.r.registrations, k.Registration)
	k.r.mu.Unlock()
	close(k.done)
}

// tellHook tells the user's hook of the registration.
func (k *keeper) tellHook(kind session.EventKind, took time.Duration, err error) {
	k.r.tellHook(session.Event{Kind: kind, Name: k.service, ID: k.id, Before: k.told, Took: took, Err: err})
	k.told = kind
}
