//go:build unix

package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// markdown is the page.
func markdown(root *cobra.Command) []byte {
	commands, topics := split(root)
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The command\n\n*Written by `go run ./cmd/coord/internal/docgen` from the commands themselves; `coord help` tells the same.*\n\n")
	prose(&b, long(root))
	fmt.Fprintf(&b, "| command | |\n|---|---|\n")
	for _, cmd := range commands {
		if !cmd.HasAvailableSubCommands() || cmd.Name() == "elect" {
			fmt.Fprintf(&b, "| %s | %s |\n", link(cmd), cellOf(cmd.Short))
		}
	}
	fmt.Fprintf(&b, "\nTopics:")
	for i, topic := range topics {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %s", link(topic))
	}
	fmt.Fprintf(&b, ".\n\n## Flags of all commands\n\n")
	table(&b, options(root.PersistentFlags()))
	for _, cmd := range commands {
		fmt.Fprintf(&b, "## %s\n\n```\n%s\n```\n\n", cmd.CommandPath(), cmd.UseLine())
		prose(&b, long(cmd))
		table(&b, options(cmd.NonInheritedFlags()))
	}
	for _, topic := range topics {
		fmt.Fprintf(&b, "## %s\n\n", topic.CommandPath())
		prose(&b, long(topic))
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

// link points to a command's heading as GitHub names it.
func link(cmd *cobra.Command) string {
	path := cmd.CommandPath()
	return fmt.Sprintf("[`%s`](#%s)", path, strings.ReplaceAll(path, " ", "-"))
}

func prose(b *bytes.Buffer, text string) {
	for _, block := range blocks(text) {
		lines := strings.Join(block.lines, "\n")
		if block.verbatim {
			fmt.Fprintf(b, "```\n%s\n```\n\n", lines)
		} else {
			fmt.Fprintf(b, "%s\n\n", special.Replace(lines))
		}
	}
}

// special has a meaning in Markdown wherever it stands.
var special = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `<`, `\<`, `[`, `\[`, "`", "\\`")

// cellOf is a text as a cell of a table.
func cellOf(text string) string { return strings.ReplaceAll(special.Replace(text), "|", `\|`) }

func table(b *bytes.Buffer, options []option) {
	if len(options) == 0 {
		return
	}
	fmt.Fprintf(b, "| flag | |\n|---|---|\n")
	for _, o := range options {
		fmt.Fprintf(b, "| `%s` | %s |\n", o.form, cellOf(o.usage))
	}
	b.WriteString("\n")
}
