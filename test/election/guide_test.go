package election

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGuideShowsWhatIsCompiled(t *testing.T) {
	guide, err := os.ReadFile("../../docs/election.md")
	require.NoError(t, err)
	source, err := os.ReadFile("../../primitives/election/example_test.go")
	require.NoError(t, err)
	blocks := 0
	for rest := string(guide); ; blocks++ {
		_, after, found := strings.Cut(rest, "```go\n")
		if !found {
			break
		}
		var block string
		block, rest, found = strings.Cut(after, "```")
		require.True(t, found, "a block that does not end")
		require.Contains(t, string(source), block)
	}
	require.Equal(t, 3, blocks)
}
