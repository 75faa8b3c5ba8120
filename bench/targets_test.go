package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A number to reach that no row shows would be forgotten without a word.
func TestEachTargetHasItsRow(t *testing.T) {
	for _, target := range targets {
		require.True(t, exists(target.group, target.row), "%s: no row %q in %q", target.what, target.row, target.group)
	}
	for _, g := range bars {
		for _, b := range g.bars {
			require.True(t, exists(b.group, b.row), "the chart's %s: no row %q in %q", b.label, b.row, b.group)
		}
	}
}

func exists(group, row string) bool {
	for _, g := range groups {
		for _, r := range g.rows {
			if g.name == group && r.name == row {
				return true
			}
		}
	}
	return false
}

func TestNamesOfRowsAreUnique(t *testing.T) {
	seen := make(map[string]bool)
	for _, g := range groups {
		for _, r := range g.rows {
			name := g.name + ": " + r.name
			require.False(t, seen[name], name)
			seen[name] = true
		}
	}
}

// The page says what a run has left out.
func TestTargetsThatWereNotMeasuredAreListed(t *testing.T) {
	r := newReport("a test")
	page := new(strings.Builder)
	printTargets(page, r)
	for _, target := range targets {
		require.Contains(t, page.String(), target.what)
	}
	require.Contains(t, page.String(), "Not measured in this run: "+targets[0].what)

	first := targets[0]
	f := figures{Who: first.against, Ratio: 90, Goal: "≥ 80×", Verdict: met}
	r.Tables = []*table{{Group: first.group, Where: "a", Lines: []line{{first.row, perSecond, []figures{{Who: "coord", P50: 1800}, f}}}}}
	page.Reset()
	printTargets(page, r)
	require.Contains(t, page.String(), "| "+first.what+" | "+first.against+" | ≥ 80× | **90×** (1800/s / 0/s) | met |")
}
