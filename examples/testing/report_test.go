package testing

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/primitives/fence"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// One processor while there are bubbles: https://go.dev/issue/78156.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	m.Run()
}

// paper is where reports are written: the guarded resource.
type paper struct {
	gate  fence.Gate
	lines []string
}

// by returns how somebody writes on the paper.
func (p *paper) by(who string) Put {
	return func(token kv.Version, line string) error {
		if err := p.gate.Admit(token); err != nil {
			return err
		}
		p.lines = append(p.lines, who+": "+line)
		return nil
	}
}

func TestTwoWritersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		var p paper
		for _, who := range []string{"ann", "bob"} {
			s := session.New(st, nil) // each like a process of its own
			go func() {
				defer s.Close(t.Context())
				require.NoError(t, WriteReport(t.Context(), s, p.by(who)))
			}()
			synctest.Wait() // ann has asked first
		}
		time.Sleep(61 * time.Second) // takes no time
		synctest.Wait()              // and what was due at its end is over
		require.Equal(t, []string{"ann: line 1", "ann: line 2", "ann: line 3", "bob: line 1", "bob: line 2", "bob: line 3"}, p.lines)
	})
}

func TestWriterThatIsCutOffStopsBeforeTheNextOneWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		wire := st.Connect() // ann's way to the store
		defer wire.Close()
		ann, bob := session.New(wire, nil), session.New(st, nil)
		var p paper
		result := make(chan error, 1)
		go func() { result <- WriteReport(t.Context(), ann, p.by("ann")) }()
		time.Sleep(11 * time.Second)

		wire.SetConnected(false) // her lease is over in 15 s, and she stops 3 s before
		require.NoError(t, WriteReport(t.Context(), bob, p.by("bob")))
		require.ErrorIs(t, <-result, mutex.ErrLost)
		require.Equal(t, []string{"ann: line 1", "ann: line 2", "bob: line 1", "bob: line 2", "bob: line 3"}, p.lines)

		wire.SetConnected(true) // and she can write the next one
		require.NoError(t, WriteReport(t.Context(), ann, p.by("ann")))
		require.NoError(t, ann.Close(t.Context()))
		require.NoError(t, bob.Close(t.Context()))
	})
}

func TestWriterWhoseLockIsBrokenStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		s := session.New(st, nil)
		defer s.Close(t.Context())
		var p paper
		result := make(chan error, 1)
		go func() { result <- WriteReport(t.Context(), s, p.by("ann")) }()
		time.Sleep(11 * time.Second)

		info, err := mutex.Inspect(t.Context(), st, "report")
		require.NoError(t, err)
		require.NoError(t, mutex.Break(t.Context(), st, "report", info.Holders[0].Token))
		require.ErrorIs(t, <-result, mutex.ErrLost)
		require.Equal(t, []string{"ann: line 1"}, p.lines)
	})
}

func TestReportIsWrittenThroughABadNetwork(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := fault.New(memory.New(nil), seed, fault.Faults{Refused: 0.1, RequestLost: 0.1, AnswerLost: 0.1, Late: 0.1})
				defer st.Close()
				s := session.New(st, nil)
				var p paper
				for { // an error means: not held, or not known; the lines tell
					p.lines = nil
					if WriteReport(t.Context(), s, p.by("ann")) == nil {
						break
					}
				}
				require.Equal(t, []string{"ann: line 1", "ann: line 2", "ann: line 3"}, p.lines)
				st.Heal()
				require.NoError(t, s.Close(t.Context()))
				st.Wait() // for what lands late
			})
		})
	}
}

func TestWaitingCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		holder := session.New(st, nil)
		held, err := mutex.New(holder, "report", nil).Lock(t.Context())
		require.NoError(t, err)

		counted := count.New(st)
		waiter := session.New(counted, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		time.AfterFunc(time.Minute, func() { counted.Reset() }) // it is in the line by then
		require.ErrorIs(t, WriteReport(ctx, waiter, nil), context.DeadlineExceeded)
		require.LessOrEqual(t, counted.Total(), 2, "calls in an hour: to leave the line")

		require.NoError(t, held.Unlock(t.Context()))
		require.NoError(t, holder.Close(t.Context()))
		require.NoError(t, waiter.Close(t.Context()))
	})
}
