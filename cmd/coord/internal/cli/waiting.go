//go:build unix

package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

const (
	// noticeAfter is how long a wait lasts before it is spoken of.
	noticeAfter = 300 * time.Millisecond
	// noticeEvery is the least time between two lines about one wait, where they stay: in a file, in a job's log.
	noticeEvery = 10 * time.Second
)

// showWait tells what is being waited for, until stop is called: on a terminal in one line that is redrawn, and cleared at the end;
// elsewhere in a line at the start and after changes.
func (j *job) showWait(ctx context.Context, st kv.Storage, s *session.Session) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(noticeAfter):
		}
		news := make(chan standing, 1)
		wg.Go(func() {
			_ = follow(ctx, st, func(ctx context.Context, st kv.Storage) (standing, error) { return j.claim.look(ctx, st, s.LeaseID()) },
				func(now standing) {
					select { // what was not taken yet is out of date
					case <-news:
					default:
					}
					news <- now
				})
		})
		(&waitLine{app: j.app, what: j.claim.what()}).show(ctx, news)
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// waitLine is what is told of a wait.
type waitLine struct {
	app  *app
	what string

	now   standing
	known bool      // now has been seen
	drawn bool      // a line stands on the terminal that is to be cleared
	fresh bool      // now was not written yet, where lines stay
	wrote time.Time // when the last one was
}

func (w *waitLine) show(ctx context.Context, news <-chan standing) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			w.clear()
			return
		case now := <-news:
			w.see(now)
		case <-second.C:
		}
		w.tell()
	}
}

// see takes in how things stand. One that got it before our eyes has it since then: its own time is that of its asking.
func (w *waitLine) see(now standing) {
	if w.known && now.token != w.now.token {
		now.since = time.Now()
	} else if w.known {
		now.since = w.now.since
	}
	if now.who == "" && now.place == 0 {
		return // it is about to be had, or not in the line yet
	}
	if !w.known || now.place != w.now.place || now.who != w.now.who {
		w.fresh = true
	}
	w.now, w.known = now, true
}

func (w *waitLine) tell() {
	switch {
	case !w.known:
	case w.app.Live != nil && w.app.Live() && !w.app.debugging():
		// Without wrapping a line that is too long is cut by the terminal, whatever its width, and stays one line.
		fmt.Fprintf(w.app.Err, "\r\x1b[?7l%s\x1b[K\x1b[?7h", cell(w.text()))
		w.drawn, w.fresh, w.wrote = true, false, time.Now()
	case w.fresh && (w.wrote.IsZero() || time.Since(w.wrote) >= noticeEvery):
		w.app.say("%s\n", w.text())
		w.fresh, w.wrote = false, time.Now()
	}
}

func (w *waitLine) text() string { return fmt.Sprintf("coord: waiting for %s: %v", w.what, w.now) }

func (w *waitLine) clear() {
	if w.drawn {
		fmt.Fprint(w.app.Err, "\r\x1b[K")
	}
}
