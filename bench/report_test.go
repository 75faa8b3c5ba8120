package main

import (
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample is a report in which every row and every curve has figures.
func sampleReport() *report {
	r := newReport("a test")
	r.Machine.Commit, r.Ended = "abc", time.Now()
	for _, g := range groups {
		wheres := []string{""}
		if g.etcd {
			wheres = []string{"disk", "memory"}
		}
		for _, where := range wheres {
			tab := &table{Group: g.name, Where: where}
			for i, row := range g.rows {
				against := figures{Who: peer, P50: 200, Ratio: number(0.01 + float64(i)), Bytes: none, Client: none, Server: none, Cost: none}
				tab.Lines = append(tab.Lines, line{row.name, row.unit, []figures{{Who: "coord", P50: 100, Ratio: none}, against}})
			}
			r.Tables = append(r.Tables, tab)
		}
	}
	for range 5 {
		c := &curve{Name: "one", Of: "things"}
		for n := 1; n <= 1000; n *= 10 {
			c.Points = append(c.Points, point{n, []side{{Who: "coord", Mean: number(n * 1000), Calls: 2}, {Who: peer, Mean: none, Calls: none, Skipped: "left out"}}})
		}
		r.Curves = append(r.Curves, c)
	}
	return r
}

func TestSavedRunIsShownAgainForTheSameSourcesOnly(t *testing.T) {
	r, file := sampleReport(), filepath.Join(t.TempDir(), "run.json")
	require.NoError(t, r.save(file))

	again, err := saved(file, "abc")
	require.NoError(t, err)
	before, after := new(strings.Builder), new(strings.Builder)
	printReport(before, r, nil)
	printReport(after, again, nil)
	require.Equal(t, before.String(), after.String())

	_, err = saved(file, "def")
	require.ErrorContains(t, err, "figures of two runs are not compared, measure again")
}

func TestChartsAreSmallAndWellFormed(t *testing.T) {
	for _, c := range charts {
		svg := c.draw(sampleReport())
		require.NotEmpty(t, svg, c.file)
		require.Less(t, len(svg), 80<<10, c.file)
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, c.file)
		}
		require.NotContains(t, svg, "NaN", c.file)
		require.Empty(t, c.draw(newReport("nothing")), c.file)
	}
}

func TestProcessorTimeOfAnotherProcessIsRead(t *testing.T) {
	if load().none() {
		t.Skip("no /proc")
	}
	require.Positive(t, processorTimeOf(1)+processorTime())
}
