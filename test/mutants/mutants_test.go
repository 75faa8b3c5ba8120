package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// TestEveryBugCanBePlanted keeps the table current: each old text is in its file once, and what comes of it is Go.
func TestEveryBugCanBePlanted(t *testing.T) {
	named := map[string]bool{}
	for _, m := range all() {
		t.Run(m.name, func(t *testing.T) {
			require.False(t, named[m.name], "two bugs of one name")
			named[m.name] = true
			source, err := os.ReadFile(filepath.Join(root, m.file))
			require.NoError(t, err)
			wrong, err := m.mutate(source)
			require.NoError(t, err)
			require.NotEqual(t, string(source), string(wrong))
			_, err = parser.ParseFile(token.NewFileSet(), m.file, wrong, 0)
			require.NoError(t, err)
		})
	}
	require.Greater(t, len(named), 30)
}

func TestEveryFinderExists(t *testing.T) {
	sources := map[string]string{}
	for _, m := range all() {
		finders, err := m.finders()
		require.NoError(t, err, m.name)
		require.NotEmpty(t, finders, m.name)
		for _, f := range finders {
			if sources[f.pkg] == "" {
				sources[f.pkg] = testsOf(t, f.pkg)
			}
			name, _, _ := strings.Cut(f.test, "/")
			require.Contains(t, sources[f.pkg], "func "+name+"(t *testing.T)", "%s: no such test in %s", m.name, f.pkg)
		}
	}
}

func testsOf(t *testing.T, pkg string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	require.NoError(t, err)
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		all.Write(b)
	}
	return all.String()
}

func TestFirstFailedIsTheInnermost(t *testing.T) {
	failed, ran, built := firstFailed([]byte(`{"Action":"run","Test":"TestA"}
{"Action":"run","Test":"TestA/b"}
{"Action":"pass","Test":"TestA/b"}
{"Action":"run","Test":"TestA/c"}
{"Action":"fail","Test":"TestA/c"}
{"Action":"fail","Test":"TestA"}
{"Action":"fail"}`))
	require.Equal(t, "TestA/c", failed)
	require.True(t, ran)
	require.True(t, built)
}

func TestATestThatTakesTheProcessWithItHasFailed(t *testing.T) {
	failed, _, _ := firstFailed([]byte(`{"Action":"run","Test":"TestA"}
{"Action":"run","Test":"TestA/b"}
{"Action":"output","Output":"panic: deadlock\n"}
{"Action":"fail"}`))
	require.Equal(t, "TestA/b", failed)
	_, _, built := firstFailed([]byte(`{"Action":"build-fail"}
{"Action":"fail"}`))
	require.False(t, built)
}

func TestPageHasEveryBugAndWhatFoundIt(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/mutants.md"))
	require.NoError(t, err)
	for _, m := range all() {
		require.Contains(t, string(page), "| "+m.name+" | `"+m.file+"` | `", "run the command again, and put its table into docs/mutants.md")
	}
	require.NotContains(t, string(page), "SURVIVED")
}
