package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// public returns the folders of the packages that users import.
func public(t *testing.T) (dirs []string) {
	t.Helper()
	for _, root := range []string{"kv", "backends", "primitives", "observe"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "internal" || d.Name() == "testdata" {
				return fs.SkipDir
			}
			if sources, err := filepath.Glob(filepath.Join(path, "*.go")); err != nil || len(sources) > 0 {
				dirs = append(dirs, path)
			}
			return err
		}))
	}
	return dirs
}

// exported returns the exported types of a package, but for Error: what was tried, and on what, is said by all of them alike.
func exported(t *testing.T, dir string) (types []string) {
	t.Helper()
	for _, f := range parsed(t, dir, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				if name := s.(*ast.TypeSpec).Name; name.IsExported() && name.Name != "Error" {
					types = append(types, name.Name)
				}
			}
		}
	}
	return types
}

func parsed(t *testing.T, dir string, want func(name string) bool) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		if want(filepath.Base(name)) {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			require.NoError(t, err)
			files = append(files, f)
		}
	}
	return files
}

// results returns what the exported functions of a package return, by the function's name.
func results(t *testing.T, dir string) map[string][]string {
	t.Helper()
	returns := map[string][]string{}
	for _, f := range parsed(t, dir, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Type.Results == nil {
				continue
			}
			ast.Inspect(fn.Type.Results, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					returns[fn.Name.Name] = append(returns[fn.Name.Name], id.Name)
				}
				return true
			})
		}
	}
	return returns
}

// A type is shown if an example is named for it, or has its name or a function that returns it in its code.
func TestEveryExportedTypeIsShownInAnExample(t *testing.T) {
	for _, dir := range public(t) {
		shown, returns := map[string]bool{}, results(t, dir)
		for _, f := range parsed(t, dir, func(name string) bool { return strings.HasPrefix(name, "example_") }) {
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					if of, ok := strings.CutPrefix(n.Name.Name, "Example"); ok {
						name, _, _ := strings.Cut(of, "_")
						shown[name] = true
					}
				case *ast.SelectorExpr:
					shown[n.Sel.Name] = true
					for _, name := range returns[n.Sel.Name] {
						shown[name] = true
					}
				}
				return true
			})
		}
		types := exported(t, dir)
		slices.Sort(types)
		for _, name := range types {
			if !shown[name] {
				t.Errorf("%s: no example shows %s", strings.TrimPrefix(dir, "../../"), name)
			}
		}
	}
}
