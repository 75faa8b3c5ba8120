//go:build unix

package contexts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func textOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode().Perm()
}

func set(name string, changes ...Change) func(*File) error {
	return func(f *File) error { return f.Set(name, changes) }
}

func endpoint(e string) Change { return Change{Setting: "endpoints", Values: []string{e}} }

func TestChangesKeepTheRestAndComments(t *testing.T) {
	path := written(t, `# mine
current: prod # for now
contexts:
  # the big one
  prod:
    endpoints: ['a:1'] # one of three
    user: ann
  lab: {endpoints: 'b:1'}
`)
	_, err := Update(path, "", set("prod", Change{"user", nil}, Change{"cacert", []string{"/ca"}}), nil)
	require.NoError(t, err)
	_, err = Update(path, "", func(f *File) error { return errors.Join(f.Use("lab"), f.Set("new", []Change{endpoint("c:1")})) }, nil)
	require.NoError(t, err)
	require.Equal(t, `# mine
current: lab # for now
contexts:
  # the big one
  prod:
    endpoints: ['a:1'] # one of three
    cacert: /ca
  lab: {endpoints: 'b:1'}
  new:
    endpoints:
      - c:1
`, textOf(t, path))
	_, err = Update(path, "", func(f *File) error { return f.Remove("lab") }, nil)
	require.NoError(t, err)
	require.NotContains(t, textOf(t, path), "lab", "neither it nor that it is current")
}

func TestNewFileIsForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "coord", "config.yaml")
	_, err := Update(path, "", set("c", endpoint("a:1")), nil)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), modeOf(t, path))
	require.Equal(t, os.FileMode(0o700), modeOf(t, filepath.Dir(path)))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else stays")
}

func TestFileKeepsItsModeUntilItHoldsAPassword(t *testing.T) {
	path := written(t, "contexts: {c: {endpoints: a:1, user: u}}")
	require.NoError(t, os.Chmod(path, 0o644))
	_, err := Update(path, "", set("c", endpoint("b:1")), nil)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), modeOf(t, path))
	after, err := Update(path, "", set("c", Change{"password", []string{"yes"}}), nil)
	require.NoError(t, err)
	require.Equal(t, "yes", string(after.Contexts[0].Password))
	require.Equal(t, os.FileMode(0o600), modeOf(t, path))
}

func TestChangeThatFailsWritesNothing(t *testing.T) {
	const text = "contexts: {c: {endpoints: a:1}}\n"
	for want, update := range map[string]func(path string) (*File, error){
		`"d" has no endpoints`: func(p string) (*File, error) { return Update(p, "", set("d", Change{"user", []string{"u"}}), nil) },
		`no context "d"`:       func(p string) (*File, error) { return Update(p, "", func(f *File) error { return f.Use("d") }, nil) },
		`context "d" in`:       func(p string) (*File, error) { return Update(p, "", func(f *File) error { return f.Remove("d") }, nil) },
		`"none" asks for no`:   func(p string) (*File, error) { return Update(p, "", set(None, endpoint("a:1")), nil) },
		"not so": func(p string) (*File, error) {
			return Update(p, "", set("d", endpoint("a:1")), func(*File) error { return errors.New("not so") })
		},
	} {
		path := written(t, text)
		_, err := update(path)
		require.ErrorContains(t, err, want)
		require.NotRegexp(t, `config.yaml:\d`, err.Error(), "a line of what is not in the file")
		require.Equal(t, text, textOf(t, path))
	}
}

func TestLinkStaysALink(t *testing.T) {
	path := written(t, "")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(path, link))
	_, err := Update(link, "", set("c", endpoint("a:1")), nil)
	require.NoError(t, err)
	require.Contains(t, textOf(t, path), "a:1")
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
}

func TestChangesAtTheSameTimeAreAllMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := Update(path, "", set(fmt.Sprintf("c%d", i), endpoint("a:1")), nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f, err := Read(path, "")
	require.NoError(t, err)
	require.Len(t, f.Contexts, 20)
}

func TestValuesAreReadBackAsTheyWereSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	for _, v := range []string{"*star", "&and", "!bang", "true", "0x10", "null", "~", "a: b", "a #b", " blank ", `"`, "'", "ü", "@at", "%p", "- a", strings.Repeat("x", 500)} {
		after, err := Update(path, "", set("c", endpoint("a:1"), Change{"user", []string{"u"}}, Change{"password", []string{v}}), nil)
		require.NoError(t, err, v)
		require.Equal(t, v, string(after.Contexts[0].Password))
	}
}
