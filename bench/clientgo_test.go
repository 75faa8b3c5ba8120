package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A row whose program cannot be built has no ways, and is left out.
func TestNoWaysTogetherAreNone(t *testing.T) {
	require.Nil(t, together(nil))
	require.Nil(t, aims("0", nil))
}

// Each block waits for the other, in whichever order they are asked for.
func TestWaysTogetherRunAtTheSameTime(t *testing.T) {
	c := make(chan float64)
	ways := together([]way{
		{"one", "", func() block { c <- 1; return block{values: []float64{<-c}} }},
		{"other", "", func() block { got := <-c; c <- 2; return block{values: []float64{got}} }},
	})
	for _, order := range [][]int{{0, 1}, {1, 0}, {0, 1}} {
		got := make([]float64, 2)
		for _, i := range order {
			got[i] = ways[i].block().values[0]
		}
		require.Equal(t, []float64{2, 1}, got)
	}
}
