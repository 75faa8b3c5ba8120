//go:build unix

package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
)

// output is how a command was asked to show things.
type output struct {
	app       *app
	format    string
	watch     bool
	noHeaders bool
	raw       bool // there is a format value, and it is the default
}

const formats = "table, wide, json, jsonl, yaml or name"

func (o *output) addFlags(cmd *cobra.Command) {
	o.addFormat(cmd)
	cmd.Flags().BoolVar(&o.watch, "watch", false, "show it again whenever it changes, until interrupted")
}

// addFormat adds the flags of what is shown once.
func (o *output) addFormat(cmd *cobra.Command) {
	f := cmd.Flags()
	if o.raw {
		f.StringVarP(&o.format, "output", "o", "value", "value, "+formats)
	} else {
		f.StringVarP(&o.format, "output", "o", "table", formats)
	}
	f.BoolVar(&o.noHeaders, "no-headers", false, "leave out the line with the names of the columns")
}

func (o *output) check() error {
	if !slices.Contains([]string{"table", "wide", "json", "jsonl", "yaml", "name"}, o.format) && !(o.raw && o.format == "value") {
		return usageError("--output %q: want %s", o.format, formats)
	}
	return nil
}

// source is what a command shows: where it is read, and what it looks like as a table.
type source[T object] struct {
	read  func(ctx context.Context, st kv.Storage) ([]T, error)
	table func(objects []T) table
	// single says that there is one object, which is no list.
	single bool
	// absent returns the answer no if the single object is not there.
	absent func([]T) error
	// value is what the format value prints of a single object.
	value func(T) []byte
	// none is said to a person instead of an empty list.
	none string
	// start and end are the range whose changes --watch follows.
	start, end kv.Key
}

// show shows the source once, or with --watch again and again.
func show[T object](ctx context.Context, o *output, src source[T]) error {
	if o.watch {
		return o.app.withStore(ctx, maxDuration, func(ctx context.Context, st kv.Storage) error { return watch(ctx, o, st, src) })
	}
	return o.app.withStore(ctx, answerWithin, func(ctx context.Context, st kv.Storage) error {
		objects, err := src.read(ctx, st)
		if err != nil {
			return err
		}
		var no error
		if src.absent != nil {
			no = src.absent(objects)
		}
		if src.single && len(objects) == 0 {
			return no
		}
		text, err := render(o, st, src, objects)
		if err == nil {
			_, err = o.app.Out.Write(text)
		}
		return cmp.Or(err, no)
	})
}

// present shows objects that are of no store.
func present[T object](o *output, src source[T], objects []T) error {
	text, err := render(o, nil, src, objects)
	if err == nil {
		_, err = o.app.Out.Write(text)
	}
	return err
}

// render is objects in the format wanted. What is left of their leases it asks for first, unless there is no store to ask.
func render[T object](o *output, st kv.Storage, src source[T], objects []T) ([]byte, error) {
	if o.format != "name" && o.format != "value" && st != nil {
		askTTLs(st.Lessor(), objects)
	}
	var whole any = objects
	if src.single {
		whole = nil
		if len(objects) > 0 {
			whole = objects[0]
		}
	}
	switch o.format {
	case "json":
		return encodeJSON(whole, "  ")
	case "yaml":
		return encodeYAML(whole)
	case "jsonl":
		var b bytes.Buffer
		for _, v := range objects {
			line, err := encodeJSON(v, "")
			if err != nil {
				return nil, err
			}
			b.Write(line)
		}
		return b.Bytes(), nil
	case "value":
		if len(objects) == 0 {
			return nil, nil
		}
		return o.rawValue(src.value(objects[0])), nil
	case "name":
		var b strings.Builder
		for _, v := range objects {
			fmt.Fprintln(&b, cell(v.id()))
		}
		return []byte(b.String()), nil
	}
	t := src.table(objects)
	if len(t.rows) == 0 && !o.watch {
		if src.none != "" && o.app.Terminal && !o.app.quiet {
			o.app.say("%s\n", src.none)
		}
		return nil, nil
	}
	return []byte(t.layout(o.format == "wide", !o.noHeaders, o.app.columns())), nil
}

// rawValue is a value as it is; on a terminal it cannot act on that, and ends with a line's end.
func (o *output) rawValue(v []byte) []byte {
	if o.app.columns() == 0 {
		return v
	}
	return []byte(strings.TrimSuffix(escape(string(v), "\n\t"), "\n") + "\n")
}

// columns is the width of the terminal that Out is, or 0 if it is none.
func (a *app) columns() int {
	if a.Columns == nil {
		return 0
	}
	return a.Columns()
}
