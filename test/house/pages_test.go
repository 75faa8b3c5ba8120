package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pages are all of them: their Go blocks are parts of files that are built, each named in backquotes above the block.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	for i, p := range found {
		found[i] = strings.TrimPrefix(p, "../../")
	}
	return append(found, "README.md")
}

// elsewhere are the pages that another test compares.
var elsewhere = map[string]string{"docs/election.md": "test/election"}

var (
	goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	goFile  = regexp.MustCompile("`([^`\\s]+\\.go)`")
)

func TestGoBlocksOfPagesAreBuilt(t *testing.T) {
	const root = "../.."
	for _, page := range pages(t) {
		if elsewhere[page] != "" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		text := string(b)
		blocks := goBlock.FindAllStringSubmatchIndex(text, -1)
		require.Len(t, blocks, strings.Count(text, "```go"), "%s: blocks that were found", page)
		above := 0 // the end of the block before
		for _, at := range blocks {
			code := text[at[2]:at[3]]
			files := goFile.FindAllStringSubmatch(text[above:at[0]], -1)
			require.NotEmpty(t, files, "%s: no file is named above\n%s", page, code)
			name := files[len(files)-1][1]
			source, err := os.ReadFile(filepath.Join(root, name))
			require.NoError(t, err, page)
			if !strings.Contains("\n"+string(source), "\n"+code) {
				t.Errorf("%s: this block is not in %s:\n%s", page, name, code)
			}
			above = at[1]
		}
	}
}

var code = regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]+`")

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// anchor is how GitHub names a heading.
func anchor(heading string) string {
	heading = strings.ToLower(strings.TrimSpace(heading))
	return strings.ReplaceAll(regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(heading, ""), " ", "-")
}

func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	found := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^#+ (.*)$").FindAllStringSubmatch(string(b), -1) {
		found[anchor(m[1])] = true
	}
	return found
}

func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	for _, page := range append(pages(t), "examples/cron/README.md") {
		path := filepath.Join("../..", page)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		prose := code.ReplaceAllString(string(b), "")
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, at, _ := strings.Cut(m[1], "#")
			to := path
			if file != "" {
				to = filepath.Join(filepath.Dir(path), file)
			}
			_, err := os.Stat(to)
			require.NoError(t, err, "%s links to %s", page, m[1])
			if at != "" && page != "docs/command.md" { // which is written by a program, and tested there
				require.Contains(t, anchors(t, to), at, "%s links to %s", page, m[1])
			}
		}
	}
}

func TestReadmeLeadsToEveryPageAndIsShort(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, page := range pages(t) {
		if page != "README.md" {
			require.Contains(t, string(readme), "]("+page)
		}
	}
	require.LessOrEqual(t, strings.Count(string(readme), "\n"), 150)
}

func TestPageOfBackendsListsTheGroupsOfTheSuite(t *testing.T) {
	page, err := os.ReadFile("../../docs/backends.md")
	require.NoError(t, err)
	suite, err := os.ReadFile("../../kv/kvtest/kvtest.go")
	require.NoError(t, err)
	var groups, rows []string
	for _, m := range regexp.MustCompile(`(?m)^\t\{"([^"]+)", \w+Promises\},$`).FindAllStringSubmatch(string(suite), -1) {
		groups = append(groups, m[1])
	}
	_, table, _ := strings.Cut(string(page), "| group | promises |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		rows = append(rows, m[1])
	}
	require.NotEmpty(t, groups)
	require.Equal(t, groups, rows, "the table of docs/backends.md, and the groups of kvtest")
}
