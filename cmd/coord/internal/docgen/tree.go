//go:build unix

package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// split returns the commands under root, each before those under it, and the topics of help.
func split(root *cobra.Command) (commands, topics []*cobra.Command) {
	for _, cmd := range root.Commands() {
		switch {
		case cmd.Hidden:
		case cmd.IsAdditionalHelpTopicCommand():
			topics = append(topics, cmd)
		default:
			commands = append(commands, cmd)
			under, _ := split(cmd)
			commands = append(commands, under...)
		}
	}
	return commands, topics
}

// block is a part of a text: running text, or lines that stay as they are.
type block struct {
	verbatim bool
	lines    []string
}

// blocks takes a long help apart. Lines that are indented are verbatim; the indentation is dropped.
func blocks(long string) []block {
	const indent = "  "
	var all []block
	fresh := true // a new block begins
	for line := range strings.SplitSeq(strings.TrimSpace(long), "\n") {
		verbatim := strings.HasPrefix(line, indent)
		line = strings.TrimPrefix(line, indent)
		if line == "" {
			fresh = true
			continue
		}
		last := len(all) - 1
		switch {
		case last >= 0 && verbatim && all[last].verbatim:
			if fresh {
				all[last].lines = append(all[last].lines, "")
			}
			all[last].lines = append(all[last].lines, line)
		case last < 0 || fresh || verbatim != all[last].verbatim:
			all = append(all, block{verbatim, []string{line}})
		default:
			all[last].lines = append(all[last].lines, line)
		}
		fresh = false
	}
	return all
}

// option is a flag: how it is written, and what it does.
type option struct{ form, usage string }

// options are the flags that are shown.
func options(flags *pflag.FlagSet) []option {
	var all []option
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		form := "--" + f.Name
		if f.Shorthand != "" {
			form = "-" + f.Shorthand + ", " + form
		}
		if kind != "" {
			form += " " + strings.ToUpper(kind)
		}
		switch f.DefValue {
		case "", "0", "0s", "false", "[]":
		default:
			usage += " (default " + f.DefValue + ")"
		}
		all = append(all, option{form, usage})
	})
	return all
}

// long is a command's text, or the line that it has for one.
func long(cmd *cobra.Command) string {
	if cmd.Long == "" {
		return cmd.Short + "."
	}
	return cmd.Long
}
