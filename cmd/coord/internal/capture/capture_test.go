//go:build linux

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../../../"

// wellFormed reads XML to its end.
func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestThePictureIsSmallAndTellsOfNoMachine(t *testing.T) {
	text, err := os.ReadFile(root + picture)
	require.NoError(t, err)
	wellFormed(t, text)
	require.LessOrEqual(t, len(text), 60<<10)
	for _, want := range []string{"coord lock ls", "not acquired within 2s: held by ci-1/4711 (make)", "exit code 75", "coord top", shownEndpoint} {
		require.Contains(t, string(text), want)
	}
	require.NotRegexp(t, regexp.MustCompile(`127\.0\.0\.1|/tmp/|/home/|\.sock`), string(text))
	readme, err := os.ReadFile(root + "README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "("+picture+")")
}

func TestAScreenShowsWhatWasDrawnLast(t *testing.T) {
	s := newScreen(8, 3)
	s.write("\x1b[?1049h\x1b[?25l\x1b[m\x1b[H\x1b[2J\x1b[1;1H\x1b[K\x1b[1mgone\x1b[m text\x1b[2;1H\x1b[Ktoo long a line\x1b[1;1H\x1b[K\x1b[32mné<w\x1b[m\r\n\nlast")
	picture := svg(s.lines)
	wellFormed(t, picture)
	require.Equal(t, line{{'n', "32"}, {'é', "32"}, {'<', "32"}, {'w', "32"}}, s.lines[0])
	require.Contains(t, string(picture), ">né&lt;w</text>")
	require.Contains(t, string(picture), ">too long</text>")
	require.Contains(t, string(picture), ">last</text>")
	require.NotContains(t, string(picture), "gone")
}
