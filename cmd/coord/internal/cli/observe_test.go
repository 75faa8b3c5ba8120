//go:build unix

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
)

// observed runs f while an observer watches the election, and returns what that says of each step that f makes.
func observed(t *testing.T, format string, f func(st *party, said func() string)) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		ctx, cancel := context.WithCancel(t.Context())
		var out screen
		var wg sync.WaitGroup
		wg.Go(func() {
			err := (&observeOptions{out: &out, name: "e", format: format}).run(ctx, st)
			require.ErrorIs(t, err, context.Canceled)
		})
		f(join(t, st, "first"), func() string { synctest.Wait(); return out.take() })
		cancel()
		wg.Wait()
	})
}

func TestObserveTellsThePresentAndEachChange(t *testing.T) {
	observed(t, "text", func(first *party, said func() string) {
		require.Equal(t, "nobody leads and nobody ever did\n", said())
		resign := first.leads("e", "10.0.0.1\n")
		line := said()
		require.Regexp(t, `^host/first \(first\) leads in term 1, token \d+, since [-0-9: ]+, "10\.0\.0\.1\\n"\n$`, line)
		resign()
		require.Equal(t, "nobody leads after term 1\n", said())
	})
}

func TestObserveWritesAnObjectALine(t *testing.T) {
	observed(t, "jsonl", func(first *party, said func() string) {
		require.JSONEq(t, `{"name":"e","vacant":true,"term":0,"token":0,"id":"","value":"","since":null,
			"owner":"","host":"","pid":0,"program":"","key":"","note":""}`, said())
		defer first.leads("e", "\xff<")()
		line := said()
		require.Equal(t, 1, strings.Count(line, "\n"))
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		require.Equal(t, false, m["vacant"])
		require.EqualValues(t, 1, m["term"])
		require.Positive(t, m["token"])
		require.Nil(t, m["value"], "it is not UTF-8")
		require.Equal(t, "/zw=", m["value_base64"])
		require.Equal(t, "host/first", m["id"])
		require.Equal(t, "first", m["program"])
	})
}

func TestObserveOnceIsAQuestion(t *testing.T) {
	st := newStore(t)
	var out screen
	o := &observeOptions{out: &out, name: "e", format: "text", once: true}
	err := o.run(t.Context(), st)
	require.Equal(t, exitNo, codeOf(err, exitFailed))
	require.EqualError(t, err, `nobody leads "e"`)
	defer join(t, st, "first").leads("e", "")()
	require.NoError(t, o.run(t.Context(), st))
	require.Contains(t, out.take(), "host/first (first) leads in term 1")
}

func TestObserveEndsWithItsReader(t *testing.T) {
	st := newStore(t)
	defer join(t, st, "first").leads("e", "")()
	err := (&observeOptions{out: closedPipe{}, name: "e", format: "jsonl"}).run(t.Context(), st)
	require.ErrorIs(t, err, errPipe)
}

var errPipe = errors.New("broken pipe")

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errPipe }
