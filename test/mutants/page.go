package main

import (
	"fmt"
	"strings"
)

// row is a bug and the test that has found it.
type row struct {
	mutant
	found string
}

func orSurvived(found string) string {
	if found == "" {
		return "SURVIVED"
	}
	return found
}

// table is the Markdown of the rows.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| bug | planted in | found by |\n|---|---|---|\n")
	for _, r := range rows {
		found := "**SURVIVED**"
		if r.found != "" {
			found = "`" + r.found + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", r.name, r.file, found)
	}
	return b.String()
}
