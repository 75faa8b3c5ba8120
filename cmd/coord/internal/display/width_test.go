package display

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWideCharactersTakeTwoColumnsAndMarksNone(t *testing.T) {
	require.Equal(t, 4, Width("鎖錠"))
	require.Equal(t, 2, Width("e\u0301x"))
	require.Equal(t, 3, Width("äöü"))
}

func TestCutEndsWithinTheColumns(t *testing.T) {
	for columns, want := range map[int]string{0: "鎖錠ab", 6: "鎖錠ab", 5: "鎖錠…", 4: "鎖…", 3: "鎖…", 2: "…", 1: "…"} {
		require.Equal(t, want, Cut("鎖錠ab", columns), "Cut to %d", columns)
	}
}

func TestEscapeLeavesNothingThatActsOnATerminal(t *testing.T) {
	require.Equal(t, `a\x1b[31m\r\n\u202e\xff\U000e0001 ä`, Escape("a\x1b[31m\r\n\u202e\xff\U000e0001 ä", ""))
	require.Equal(t, "a\nb", Escape("a\nb", "\n"))
}
