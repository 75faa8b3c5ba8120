//go:build unix

package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// run registers the instance, and sees it through to its farewell.
func (o *registerOptions) run(ctx context.Context, signals <-chan os.Signal) error {
	var path string
	if len(o.argv) > 0 {
		var err error
		if path, err = child.Look(o.argv[0]); err != nil {
			return err
		}
		o.registry.Owner.Program = filepath.Base(o.argv[0])
	}
	waiting, childsTurn := interruptible(ctx, signals)
	defer childsTurn()
	st, err := o.app.open(waiting)
	if err != nil {
		return interrupted(waiting, err)
	}
	defer st.Close()
	if o.instance.ID == "" { // here, for the environment has it before the registry would make it up
		o.instance.ID = rand.Text()
	}
	env := environment(os.Environ(), []string{
		"COORD_SERVICE_NAME=" + o.instance.Service, "COORD_SERVICE_ID=" + o.instance.ID,
	}, st)
	if c := o.registry.Check; c != nil {
		c.Run = func(ctx context.Context, _ registry.Instance) error { return o.app.runCheck(ctx, o.check, env) }
	}
	o.registry.Logger = o.app.logger()
	r := registry.New(st, &o.registry)
	g, err := o.register(waiting, st, r)
	childsTurn()
	if err != nil {
		withdraw, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
		defer cancel()
		_ = r.Close(withdraw) // what has arrived of it goes with its lease at the latest
		return interrupted(waiting, err)
	}
	p := &presence{registerOptions: o, g: g, signals: signals}
	defer p.farewell(ctx)
	if waiting.Err() != nil {
		return interrupted(waiting, waiting.Err())
	}
	defer p.tell(ctx)()
	if path == "" {
		return p.stay(ctx)
	}
	return p.supervise(ctx, path, env)
}

// register registers the instance on a store that must answer in time. Another instance of its ID is waited for if that was asked for.
func (o *registerOptions) register(ctx context.Context, st kv.Storage, r *registry.Registry) (*registry.Registration, error) {
	o.app.verbose("registering %s", o.what())
	bounded, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	// The registry waits out whatever the store says; what will not pass is known of this.
	if _, err := st.Get(bounded, allServices); err != nil && !errors.Is(err, kv.ErrNotFound) {
		return nil, unavailable(ctx, err)
	}
	register := bounded
	if o.registry.OnDuplicate != registry.Fail {
		register = ctx
	}
	g, err := r.Register(register, o.instance)
	switch {
	case errors.Is(err, registry.ErrDuplicate):
		return nil, exit(exitNotAcquired, err)
	case errors.Is(err, kv.ErrInvalid): // its size: all else was checked
		return nil, exit(exitUsage, err)
	case err != nil && !forbidden(err):
		return nil, unavailable(ctx, err)
	}
	return g, err
}

// presence is a registered instance, and the program that it is of, under way.
type presence struct {
	*registerOptions
	g       *registry.Registration
	signals <-chan os.Signal
}

// farewell has the instance leave. A store that is out of reach, as far as is known, is not waited for.
func (p *presence) farewell(ctx context.Context) {
	bound := closeWithin
	if p.g.State().Phase == registry.Lost {
		bound = 100 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound)
	defer cancel()
	if err := p.g.Close(ctx); err != nil {
		p.app.say("coord: %s leaves when its lease of %v runs out: %v\n", p.what(), cmp.Or(p.registry.TTL, registry.DefaultTTL), err)
		return
	}
	p.app.verbose("%s has left", p.what())
}

// stay keeps the instance registered until a signal comes, or ctx ends.
func (p *presence) stay(ctx context.Context) error {
	if _, err := fmt.Fprintln(p.app.Out, cell(p.instance.ID)); err != nil {
		return err
	}
	ctx, stop := interruptible(ctx, p.signals)
	<-ctx.Done()
	stop()
	hurry, stop := interruptible(context.WithoutCancel(ctx), p.signals)
	defer stop()
	p.drain(hurry.Done())
	return nil
}

// supervise runs the program beside the registration, which it does not depend on.
func (p *presence) supervise(ctx context.Context, path string, env []string) error {
	p.app.verbose("running %s", p.argv[0])
	c, err := child.Start(child.Spec{Path: path, Args: p.argv, Env: env})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.Signal(unix.SIGTERM) })
	defer stop()
	passed := make(chan os.Signal)
	var passing sync.WaitGroup
	passing.Go(func() { p.pass(passed, c.Done()) })
	child.Supervise(c, unbounded{}, passed, child.Limits{
		OnSignal: func(s unix.Signal) { p.app.verbose("passed %s on", unix.SignalName(s)) },
	})
	passing.Wait()
	p.app.verbose("the command %s", endOf(c))
	if c.Code() != 0 {
		return exit(c.Code(), nil)
	}
	return nil
}

// unbounded lets a program run for as long as it likes.
type unbounded struct{}

var _ child.Hold = unbounded{}

func (unbounded) Done() <-chan struct{}   { return nil }
func (unbounded) Err() error              { return nil }
func (unbounded) ValidFor() time.Duration { return 0 }
func (unbounded) Broken() bool            { return false }
