package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	namedTest = regexp.MustCompile("`([a-z/]+)\\.(Test\\w+)`")
	testFunc  = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
)

// tests returns the tests of a package.
func tests(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "%s has no tests", dir)
	found := make(map[string]bool)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range testFunc.FindAllStringSubmatch(string(b), -1) {
			found[m[1]] = true
		}
	}
	return found
}

func TestGuaranteesNameTestsThatExist(t *testing.T) {
	b, err := os.ReadFile("../../docs/guarantees.md")
	require.NoError(t, err)
	page := string(b)
	named := namedTest.FindAllStringSubmatch(page, -1)
	require.Len(t, named, strings.Count(page, ".Test"), "names of tests in another form")
	for _, m := range named {
		require.Contains(t, tests(t, m[1]), m[2], "docs/guarantees.md names a test that %s does not have", m[1])
	}
	for name := range tests(t, "test/faults") {
		require.Contains(t, page, "`test/faults."+name+"`", "docs/guarantees.md does not say what this test shows")
	}
	for _, table := range strings.Split(page, "| promise | shown by |\n|---|---|\n")[1:] {
		rows, _, _ := strings.Cut(table, "\n\n")
		for row := range strings.Lines(rows) {
			require.Regexp(t, namedTest, row, "a promise that no test shows")
		}
	}
}
