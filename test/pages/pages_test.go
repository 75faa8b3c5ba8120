//go:build linux

package pages

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/test/internal/programs"
)

// bin has coord, etcdctl and etcdutl.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "pages"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(bin)
	for _, build := range []func() error{
		func() error { return programs.Build(bin, "../../cmd/coord") },
		func() error { return programs.Tool(bin, "etcdctl") },
		func() error { return programs.Tool(bin, "etcdutl") },
	} {
		if err := build(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// block is a piece of shell on a page, and what it prints if the page says so.
type block struct {
	page, code, prints string
}

var fenced = regexp.MustCompile("(?ms)^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?")

func read(t *testing.T, page string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../docs", page))
	require.NoError(t, err)
	return string(b)
}

// blocks returns the blocks of a page, of which it has as many as the test knows of.
func blocks(t *testing.T, page string, n int) (all []block) {
	t.Helper()
	for _, m := range fenced.FindAllStringSubmatch(read(t, page), -1) {
		all = append(all, block{page, m[1], m[2]})
	}
	require.Len(t, all, n, "blocks of sh in %s", page)
	return all
}

// shell is where blocks are run, one after the other: variables and directories are kept in between by none of them.
type shell struct {
	dir string
	env []string
}

// newShell has a directory and a local store of its own.
func newShell(t *testing.T, env ...string) *shell {
	t.Helper()
	home, err := os.MkdirTemp("", "sh") // short, for a socket is in it; the local server leaves when it is gone
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	return &shell{t.TempDir(), programs.Env(append([]string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "GOBIN=" + filepath.Join(home, "bin"),
		"XDG_STATE_HOME=" + home, "XDG_RUNTIME_DIR=" + home, "XDG_CONFIG_HOME=" + home,
	}, env...)...)}
}

// run runs a block, with what is to be done before it, and compares what it prints.
func (s *shell) run(t *testing.T, b block, before string) {
	t.Helper()
	cmd := exec.Command("bash", "-c", "set -eu -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"+before+"\nexec 2>&1\n"+b.code)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, &out, &errs
	err := cmd.Run()
	require.NoError(t, err, "%s:\n%s\n%s%s", b.page, b.code, errs.String(), out.String())
	if b.prints != "" {
		compare(t, b, out.String())
	}
}

// differs is what is different each time: … is any text, and alone in a line any lines. An owner (web-1/312) is any owner, a time any time,
// and a number of three digits or more any number, so that a page can show what a reader will see.
var differs = regexp.MustCompile(`…|[\w.-]+/\d+|\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|\d+[.]\d+|\d[\d.]* ?(ms|s|m|h)\b|\b\d{3,}\b`)

func pattern(line string) string {
	if line == "…" {
		return `(.*\n)*?`
	}
	like, end := "", 0
	for _, at := range differs.FindAllStringIndex(line, -1) {
		like += regexp.QuoteMeta(line[end:at[0]])
		end = at[1]
		switch found := line[at[0]:at[1]]; {
		case found == "…":
			like += ".*"
		case strings.Contains(found, "/"):
			like += `\S+/\d+`
		default:
			like += `\d[\dhms.:-]*`
		}
	}
	return like + regexp.QuoteMeta(line[end:]) + `\n`
}

// compare wants what the page says, but for what differs.
func compare(t *testing.T, b block, printed string) {
	t.Helper()
	want := "^"
	for _, line := range lines(b.prints) {
		want += pattern(line)
	}
	got := strings.Join(append(lines(printed), ""), "\n")
	require.Regexp(t, want+"$", got, "%s:\n%s\nprints\n%s\nand the page says\n%s", b.page, b.code, printed, b.prints)
}

// lines are those of a text, with one space for several.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func TestShellOnPagesIsCalledSh(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	for _, p := range pages {
		require.NotRegexp(t, "(?m)^```(bash|shell|console|zsh|shell-session)", read(t, filepath.Base(p)), p)
	}
}

// tested are the pages with blocks of sh; each has a test here.
var tested = []string{"operating.md", "quickstart.md", "restoring.md", "rollover.md", "security.md"}

func TestEveryPageWithShellIsTested(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	var found []string
	for _, p := range pages {
		if name := filepath.Base(p); strings.Contains(read(t, name), "\n```sh\n") {
			found = append(found, name)
		}
	}
	require.Equal(t, tested, found)
}

// start runs a block in a terminal of its own, until the end of the test, and returns when what it is to bring about is there.
func (s *shell) start(t *testing.T, code, until string) {
	t.Helper()
	p := programs.Start(t, s.env, "bash", "-c", "exec "+code)
	t.Cleanup(func() {
		p.Signal(t, syscall.SIGTERM)
		p.Ends(t)
	})
	s.run(t, block{page: until, code: "for i in $(seq 600); do " + until + " && exit 0; sleep 0.1; done; exit 1"}, "")
}
