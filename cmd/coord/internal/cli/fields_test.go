//go:build unix

package cli

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fieldsOf are the names in JSON of all fields of a type, and of what it is made of, unless that has a section of its own.
func fieldsOf(t reflect.Type, sections map[string]reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" {
			names = append(names, name)
		}
		of := f.Type
		for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct && of.PkgPath() == t.PkgPath() && !slices.Contains(slices.Collect(maps.Values(sections)), of) {
			names = append(names, fieldsOf(of, sections)...)
		}
	}
	return names
}

func TestEveryFieldIsDocumentedAndNoneElse(t *testing.T) {
	b, err := os.ReadFile("../../../../docs/output.md")
	require.NoError(t, err)
	_, page, _ := strings.Cut(string(b), "\n## Fields\n")
	shared, page, _ := strings.Cut(page, "\n### ")
	name := regexp.MustCompile("`([a-z0-9_]+)`")
	field := func(text string) (names []string) {
		for line := range strings.Lines(text) {
			cell, isRow := strings.CutPrefix(line, "| ")
			if isRow {
				line, _, _ = strings.Cut(cell, " | ")
			}
			for _, m := range name.FindAllStringSubmatch(line, -1) {
				names = append(names, m[1])
			}
		}
		return names
	}
	everywhere := field(shared)
	types := map[string]reflect.Type{
		"lock": reflect.TypeFor[lockView](), "semaphore": reflect.TypeFor[semaphoreView](), "election": reflect.TypeFor[electionView](),
		"service": reflect.TypeFor[serviceView](), "instance": reflect.TypeFor[instanceView](),
		"service event": reflect.TypeFor[serviceEventView](),
		"finding":       reflect.TypeFor[findingView](), "local store": reflect.TypeFor[devView](),
		"leadership": reflect.TypeFor[observedView](), "record": reflect.TypeFor[eventView](), "lease": reflect.TypeFor[leaseInfo](),
		"context": reflect.TypeFor[contextView](), "setting": reflect.TypeFor[settingView](), "version": reflect.TypeFor[versionView](),
	}
	missing := maps.Clone(types)
	for section := range strings.SplitSeq(page, "\n### ") {
		title, text, _ := strings.Cut(section, "\n")
		of := types[title]
		require.NotNil(t, of, title)
		delete(missing, title)
		there := fieldsOf(of, types)
		for _, f := range there {
			require.True(t, slices.Contains(field(text), f) || slices.Contains(everywhere, f), "%s: field %s is not on the page", title, f)
		}
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "| `") {
				continue
			}
			for _, f := range field(line) {
				require.Contains(t, there, f, "%s: the page has a field that is not there", title)
			}
		}
	}
	require.Empty(t, missing, "not on the page")
}
