//go:build unix

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

func outputFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVarP(format, "output", "o", "table", "table, wide, json, jsonl or name")
}

// printer writes locks in a format.
type printer struct {
	out    io.Writer
	format string
}

func newPrinter(out io.Writer, format string) (*printer, error) {
	switch format {
	case "table", "wide", "json", "jsonl", "name":
		return &printer{out, format}, nil
	}
	return nil, usageError("--output %q: want table, wide, json, jsonl or name", format)
}

// locks writes a list. In JSON it is an array, also an empty one.
func (p *printer) locks(views []lockView) error {
	switch p.format {
	case "json":
		return p.json(views, "  ")
	case "jsonl":
		for _, v := range views {
			if err := p.json(v, ""); err != nil {
				return err
			}
		}
		return nil
	case "name":
		for _, v := range views {
			if _, err := fmt.Fprintln(p.out, v.Name); err != nil {
				return err
			}
		}
		return nil
	}
	if len(views) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "NAME\tHOLDER\tAGE\tTTL\tTOKEN\tWAITERS")
	p.more(w, "\tLEASE\tPROGRAM\tNOTE\tKEY")
	fmt.Fprintln(w)
	for _, v := range views {
		h := v.Holders[0]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d", v.Name, h.who(), h.age(), h.ttl(), h.Token, len(v.Queue))
		p.more(w, fmt.Sprintf("\t%s\t%s\t%s\t%s", h.Lease, cell(h.Program), cell(h.Note), h.Key))
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// lock writes one lock with its queue.
func (p *printer) lock(v lockView) error {
	switch p.format {
	case "json":
		return p.json(v, "  ")
	case "jsonl":
		return p.json(v, "")
	case "name":
		_, err := fmt.Fprintln(p.out, v.Name)
		return err
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "PLACE\tOWNER\tPROGRAM\tAGE\tTTL\tTOKEN\tNOTE")
	p.more(w, "\tLEASE\tKEY")
	fmt.Fprintln(w)
	row := func(place string, e entryView) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s", place, e.who(), cell(e.Program), e.age(), e.ttl(), e.Token, cell(e.Note))
		p.more(w, fmt.Sprintf("\t%s\t%s", e.Lease, e.Key))
		fmt.Fprintln(w)
	}
	for _, e := range v.Holders {
		row("holder", e)
	}
	for i, e := range v.Queue {
		row(fmt.Sprint(i+1), e)
	}
	return w.Flush()
}

// more writes what only the wide table has.
func (p *printer) more(w io.Writer, s string) {
	if p.format == "wide" {
		fmt.Fprint(w, s)
	}
}

func (p *printer) json(v any, indent string) error {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

func (e entryView) who() string {
	if e.Error != "" {
		return "(unreadable)"
	}
	return cell(e.Owner)
}

func (e entryView) age() string {
	if e.Since.IsZero() {
		return "-"
	}
	return max(0, time.Since(e.Since)).Round(time.Second).String()
}

func (e entryView) ttl() string {
	if e.TTLSeconds == nil {
		return "-"
	}
	return (time.Duration(*e.TTLSeconds * float64(time.Second))).Round(time.Second).String()
}

// cell is s as a cell of a table: on one line, without tabs.
func cell(s string) string { return strings.ReplaceAll(plain(s), "\n", " ") }

// plain replaces what would not print but act on a terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && r != '\n' {
			return '\uFFFD'
		}
		return r
	}, s)
}
