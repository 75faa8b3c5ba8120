package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page has one row for each thing that the library logs.
func TestPageOfObservingListsWhatIsLogged(t *testing.T) {
	logs := regexp.MustCompile(`\.(Debug|Info|Warn|Error)\("([^"]+)"`)
	var logged []string
	for _, dir := range []string{"kv", "backends", "primitives", "observe"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range logs.FindAllStringSubmatch(string(text), -1) {
				logged = append(logged, strings.ToLower(m[1])+" "+m[2])
			}
			return err
		}))
	}
	page, err := os.ReadFile("../../docs/observing.md")
	require.NoError(t, err)
	var rows []string
	for _, m := range regexp.MustCompile(`(?m)^\|[^|]*\| (debug|info|warn|error) \| ([^|]+) \|`).FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, m[1]+" "+m[2])
	}
	slices.Sort(logged)
	slices.Sort(rows)
	require.Equal(t, logged, rows)
}
