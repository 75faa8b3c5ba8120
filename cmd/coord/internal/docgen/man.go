//go:build unix

package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// manual are the manual pages by their file names: a page of section 1 for coord and each command, and of section 7 for each topic.
func manual(root *cobra.Command) map[string][]byte {
	commands, topics := split(root)
	pages := map[string][]byte{file(root, 1): manPage(root, 1, append(commands, topics...))}
	for _, cmd := range commands {
		pages[file(cmd, 1)] = manPage(cmd, 1, []*cobra.Command{root})
	}
	for _, topic := range topics {
		pages[file(topic, 7)] = manPage(topic, 7, []*cobra.Command{root})
	}
	return pages
}

// pageName is what man is asked for: coord-lock-wait.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func file(cmd *cobra.Command, section int) string {
	return fmt.Sprintf("%s.%d", pageName(cmd), section)
}

func manPage(cmd *cobra.Command, section int, also []*cobra.Command) []byte {
	var b bytes.Buffer
	name := pageName(cmd)
	fmt.Fprintf(&b, ".TH %q %d \"\" \"coord\" \"coord manual\"\n", strings.ToUpper(name), section)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(cmd.Short))
	if section == 1 {
		fmt.Fprintf(&b, ".SH SYNOPSIS\n.nf\n%s\n.fi\n", roff(cmd.UseLine()))
	}
	b.WriteString(".SH DESCRIPTION\n")
	for _, block := range blocks(long(cmd)) {
		if block.verbatim {
			fmt.Fprintf(&b, ".PP\n.RS 2\n.nf\n%s\n.fi\n.RE\n", roff(block.lines...))
		} else {
			fmt.Fprintf(&b, ".PP\n%s\n", roff(block.lines...))
		}
	}
	manOptions(&b, "OPTIONS", options(cmd.NonInheritedFlags()))
	if section == 1 {
		manOptions(&b, "OPTIONS OF ALL COMMANDS", options(cmd.InheritedFlags()))
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, other := range also {
		end := ","
		if i == len(also)-1 {
			end = ""
		}
		section := 1
		if other.IsAdditionalHelpTopicCommand() {
			section = 7
		}
		fmt.Fprintf(&b, ".BR %s (%d)%s\n", roff(pageName(other)), section, end)
	}
	return b.Bytes()
}

func manOptions(b *bytes.Buffer, title string, options []option) {
	if len(options) == 0 {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	for _, o := range options {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(o.form), roff(o.usage))
	}
}

// roff is lines as text: nothing in them is taken for a request.
func roff(lines ...string) string {
	escaped := make([]string, len(lines))
	for i, line := range lines {
		line = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "…", "...").Replace(line)
		if strings.HasPrefix(line, ".") {
			line = `\&` + line
		}
		escaped[i] = line
	}
	return strings.Join(escaped, "\n")
}
