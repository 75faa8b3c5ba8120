package registry

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errHangs: a run of the check has not returned in its time.
var errHangs = errors.New("check has not returned in time")

// watchHealth runs the check until ctx ends, on a goroutine of its own that the keeper waits for. It writes nothing: its verdicts
// are news for the keeper.
//
// Runs never overlap. One that has not returned when its time is up has failed, and fails again at every interval for as long as
// it does not return; what it returns then is not heard.
func (g *Registration) watchHealth(ctx context.Context, c *Check) {
	var running chan error // the result of the run under way
	for good, bad := 0, 0; ctx.Err() == nil; {
		err := errHangs
		select {
		case <-running:
			running = nil
		default:
		}
		if running == nil {
			var returned bool
			running = g.runCheck(ctx, c)
			if err, returned = awaitRun(ctx, running, c.Timeout); returned {
				running = nil
			}
		}
		if err == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
		}
		g.checked(ctx, err, good >= c.Rise, bad >= c.Fall)
		timer := time.NewTimer(c.Every)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	if running != nil {
		<-running
	}
}

// runCheck begins a run. A panic in it is a failure of the instance, not of the registry.
func (g *Registration) runCheck(ctx context.Context, c *Check) chan error {
	result := make(chan error, 1)
	i := g.Instance()
	go func() {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				result <- fmt.Errorf("check panicked: %v", p)
			}
		}()
		result <- c.Run(ctx, i)
	}()
	return result
}

// obey is what a run is given, when its time is up, to say what it makes of that.
const obey = 100 * time.Millisecond

// awaitRun returns the result of a run, or a failure if there is none within the time.
func awaitRun(ctx context.Context, result <-chan error, within time.Duration) (err error, returned bool) {
	timer := time.NewTimer(within + obey)
	defer timer.Stop()
	select {
	case err := <-result:
		return err, true
	case <-ctx.Done():
		return ctx.Err(), false
	case <-timer.C:
		return errHangs, false
	}
}

// checked takes the result of a run.
func (g *Registration) checked(ctx context.Context, err error, rise, fall bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ctx.Err() != nil {
		return // it failed because it was told to stop
	}
	g.checkErr = err
	was := g.verdict
	switch {
	case rise:
		g.verdict = Serving
	case fall:
		g.verdict = NotServing
	}
	if g.verdict != was {
		g.newsLocked()
	} else {
		g.tellLocked()
	}
}
