package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVerdict(t *testing.T) {
	f := figures{P50: 340, P99: 2e6, Cost: 1.05, Ratio: 1.1}
	for _, tt := range []struct {
		text string
		ours bool
		want string
	}{
		{"", true, ""},
		{"≤ 350 ns, 1 alloc", true, met},
		{"≤ 350 ns, 0 allocs", true, missed},
		{"≤ 0.3 µs", true, missed},
		{"p99 ≤ 2 ms", true, met},
		{"p99 ≤ 1.9 ms", true, missed},
		{"≤ 1.1×", false, met},
		{"≤ 1.09×", false, missed},
		{"≥ 1.1×", false, met},
		{"≥ 1.2×", false, missed},
		{"≤ 1.1×", true, missed}, // beside coord it is the figure itself
	} {
		got, err := verdict(tt.text, tt.ours, f)
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.want, got, tt.text)
	}
	_, err := verdict("quick", true, f)
	require.Error(t, err)
	got, err := verdict("≤ 1×", false, figures{Ratio: none})
	require.NoError(t, err)
	require.Equal(t, missed, got, "what was not measured does not meet a goal")
}
