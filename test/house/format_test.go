package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// jsonFields returns the JSON names of a struct's fields, as its source has them.
func jsonFields(t *testing.T, file, name string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", file), nil, 0)
	require.NoError(t, err)
	var fields []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			if field.Tag == nil {
				continue
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			require.NoError(t, err)
			fields = append(fields, strings.Split(reflect.StructTag(tag).Get("json"), ",")[0])
		}
		return false
	})
	require.NotEmpty(t, fields, "%s has no %s with JSON fields", file, name)
	return fields
}

// documented returns the names in the first column of the tables of a page, by section.
func documented(t *testing.T, page string) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../..", page))
	require.NoError(t, err)
	code := regexp.MustCompile("`([^`]+)`")
	fields := map[string][]string{}
	section := ""
	for line := range strings.Lines(string(b)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(title)
		}
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, m := range code.FindAllStringSubmatch(cells[1], -1) {
				fields[section] = append(fields[section], m[1])
			}
		}
	}
	return fields
}

func TestFormatPageNamesEveryFieldOnTheStore(t *testing.T) {
	page := documented(t, "docs/format.md")
	for section, sources := range map[string][][2]string{
		"Entries":           {{"primitives/internal/line/entry.go", "stored"}},
		"Terms":             {{"primitives/election/record.go", "term"}},
		"Limits and delays": {{"primitives/semaphore/limit.go", "stored"}, {"primitives/mutex/delay.go", "left"}},
		"Instances":         {{"primitives/registry/record.go", "record"}},
	} {
		want := map[string]bool{}
		for _, source := range sources {
			for _, field := range jsonFields(t, source[0], source[1]) {
				want[field] = true
			}
		}
		require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(slices.Values(page[section])), "docs/format.md, %s", section)
	}
}

func TestFormatPageNamesEveryKeyOnTheStore(t *testing.T) {
	keys := strings.Join(documented(t, "docs/format.md")[""], "\n")
	b := regexp.MustCompile(`"(coord/[a-z]+/)"`)
	for _, file := range []string{"mutex", "semaphore", "election", "registry"} {
		source, err := os.ReadFile(filepath.Join("../../primitives", file, "keys.go"))
		require.NoError(t, err)
		roots := b.FindAllStringSubmatch(string(source), -1)
		require.NotEmpty(t, roots)
		for _, root := range roots {
			require.Contains(t, keys, root[1])
		}
	}
}
