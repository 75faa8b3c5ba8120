//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/cmd/coord/internal/cli"
)

const root = "../../../../"

func TestThePageIsCurrent(t *testing.T) {
	there, err := os.ReadFile(root + page)
	require.NoError(t, err)
	if string(there) != string(markdown(cli.Tree())) {
		t.Errorf("%s is not what the commands say: go run ./cmd/coord/internal/docgen", page)
	}
}

func TestPageAndManualHaveEveryCommandFlagAndTopic(t *testing.T) {
	tree := cli.Tree()
	text, pages := string(markdown(tree)), manual(tree)
	seen := 0
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		seen++
		man := string(pages[pageName(cmd)+".1"]) + string(pages[pageName(cmd)+".7"])
		require.NotEmpty(t, man, cmd.CommandPath())
		if cmd.HasParent() {
			require.Contains(t, text, "\n## "+cmd.CommandPath()+"\n")
		}
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" {
				require.Contains(t, text, "--"+f.Name)
				require.Contains(t, man, roff("--"+f.Name), cmd.CommandPath())
			}
		})
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(tree)
	require.Len(t, pages, seen)
	require.NotContains(t, text, "--nonblock", "a hidden flag")
}

func TestLinksOfThePageLeadToItsHeadings(t *testing.T) {
	text := string(markdown(cli.Tree()))
	links := regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, links)
	headings := make(map[string]bool)
	for _, h := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(text, -1) {
		headings[strings.ReplaceAll(h[1], " ", "-")] = true
	}
	for _, l := range links {
		require.True(t, headings[l[1]], l[1])
	}
}

func TestIndentedLinesStayAsTheyAre(t *testing.T) {
	require.Equal(t, []block{
		{false, []string{"a *b*", "c"}}, {true, []string{"d", "", "  e"}}, {false, []string{"f"}}, {false, []string{"g"}},
	}, blocks("a *b*\nc\n  d\n\n    e\n\nf\n\ng\n"))
}

func TestNothingInTheManualIsTakenForARequest(t *testing.T) {
	require.Equal(t, "\\&.B x\n\\(aqtis \\e n\\-o\n\\&...", roff(".B x", "'tis \\ n-o", "…"))
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("no groff to check the pages with")
	}
	for name, text := range manual(cli.Tree()) {
		cmd := exec.Command(groff, "-man", "-ww", "-z", "-Tutf8")
		cmd.Stdin = strings.NewReader(string(text))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, name)
		require.Empty(t, string(out), name)
	}
}

func TestManualIsWrittenIntoADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man", "man1")
	require.NoError(t, write(dir))
	for _, name := range []string{"coord.1", "coord-run.1", "coord-lock-wait.1", "coord-exit-codes.7"} {
		require.FileExists(t, filepath.Join(dir, name))
	}
}
