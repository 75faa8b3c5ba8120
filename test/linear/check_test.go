package linear

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// patience is how long the checker may take over a history that takes it milliseconds. Undecided is not right.
const patience = 30 * time.Second

// verdict is what the checker says of a history.
func verdict(ops []porcupine.Operation) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model, closed(settled(ops)), patience)
}

// requireLinear fails the test unless the history is linearizable. It then prints the history around what has no place in it, and
// leaves a picture of the whole.
func requireLinear(t *testing.T, ops []porcupine.Operation, seed uint64) {
	t.Helper()
	switch verdict(ops) {
	case porcupine.Ok:
		return
	case porcupine.Unknown:
		require.FailNow(t, "undecided", "a history of %d operations, seed %d, took more than %v", len(ops), seed, patience)
	}
	ops = settled(ops)
	_, info := porcupine.CheckOperationsVerbose(model, closed(ops), patience)
	picture := filepath.Join(t.ArtifactDir(), "history.html")
	require.NoError(t, porcupine.VisualizePath(model, info, picture))
	require.FailNow(t, "not linearizable", "seed %d; %s\nthe whole, with -artifacts: %s", seed, explain(ops, info), picture)
}

// explain shows the longest beginning of a history that has an order, and what cannot follow it.
func explain(ops []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, p := range info.PartialLinearizationsOperations()[0] {
		if len(p) > len(longest) {
			longest = p
		}
	}
	s := state{}
	placed := make(map[[3]int64]bool)
	for _, o := range longest {
		s, _ = s.step(o.Input.(call), o.Output.(answer))
		placed[identity(o)] = true
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d operations have an order; its end is\n", len(longest), len(ops))
	for _, o := range longest[max(0, len(longest)-12):] {
		fmt.Fprintf(&b, "  %s\n", line(o))
	}
	fmt.Fprintf(&b, "then there is %v, and of these none can be next:\n", s)
	rest := slices.DeleteFunc(slices.Clone(ops), func(o porcupine.Operation) bool { return placed[identity(o)] })
	slices.SortFunc(rest, func(x, y porcupine.Operation) int { return int(x.Call - y.Call) })
	end := int64(math.MaxInt64) // what began after something had returned that has no place cannot be next
	for _, o := range rest {
		if o.Call > end {
			break
		}
		end = min(end, o.Return)
		fmt.Fprintf(&b, "  %s\n", line(o))
	}
	return b.String()
}

func identity(o porcupine.Operation) [3]int64 { return [3]int64{int64(o.ClientId), o.Call, o.Return} }

// line writes an operation with its client and its time.
func line(o porcupine.Operation) string {
	until := "       ..."
	if o.Return < math.MaxInt64-1 {
		until = fmt.Sprintf("%10v", time.Duration(o.Return).Round(time.Microsecond/10))
	}
	return fmt.Sprintf("client %d %10v – %s  %s", o.ClientId, time.Duration(o.Call).Round(time.Microsecond/10), until,
		describe(o.Input.(call), o.Output.(answer)))
}
