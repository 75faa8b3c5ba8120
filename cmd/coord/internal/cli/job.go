//go:build unix

package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/primitives/session"
)

// job is a program that is to run under a claim: what coord run and coord elect have in common.
type job struct {
	app      *app
	claim    claim
	argv     []string      // of the program
	wait     time.Duration // negative: for ever
	conflict int
	ttl      time.Duration
	kill     time.Duration
	onLost   string
	status   *status

	// restart claims again whenever the program has ended or the claim was lost, after delay, which doubles while programs do not last.
	restart bool
	delay   time.Duration
}

func (j *job) run(ctx context.Context) (err error) {
	if err := j.status.begin(j.claim); err != nil {
		return exit(exitConfig, fmt.Errorf("--status-file: %w", err))
	}
	defer func() {
		if e := j.status.end(err); e != nil {
			j.app.say("coord: --status-file: %v\n", e)
		}
	}()
	path, err := child.Look(j.argv[0])
	if err != nil {
		return err
	}
	// One channel for the whole run, so that no signal falls between two: until the child is to be started a signal ends the wait, and
	// whatever is held by then is given back; from then on it is the child's.
	signals, stop := child.Notify(child.All)
	defer stop()
	waiting, childsTurn := interruptible(ctx, signals)
	defer childsTurn()
	j.tellWhere()
	st, err := j.app.open(waiting)
	if err != nil {
		return interrupted(waiting, err)
	}
	defer st.Close()
	childsTurn()
	if waiting.Err() != nil {
		return interrupted(waiting, waiting.Err())
	}
	s := session.New(st, &session.Options{
		TTL: j.ttl, Margin: j.kill, Owner: session.Owner{Program: filepath.Base(j.argv[0])}, Logger: j.app.logger(), OnEvent: j.app.event,
	})
	w := &work{job: j, st: st, s: s, signals: signals, path: path}
	defer w.giveBack(ctx)
	return w.rounds(ctx)
}

func (j *job) tellWhere() {
	e, err := j.app.effective()
	switch {
	case err != nil: // open tells
	case len(e.Endpoints) == 0:
		j.app.verbose("connecting to the local store")
	case e.context != "":
		j.app.verbose("connecting to %s, of context %q", strings.Join(e.Endpoints, ", "), e.context)
	default:
		j.app.verbose("connecting to %s", strings.Join(e.Endpoints, ", "))
	}
}
