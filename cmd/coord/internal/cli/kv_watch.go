//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
)

func newKVWatchCmd(a *app) *cobra.Command {
	o := &kvWatchOptions{output: output{app: a}}
	cmd := &cobra.Command{
		Use:   "watch [PREFIX]",
		Short: "Print each change of the records whose keys begin with a prefix",
		Long: `Print the records whose keys begin with PREFIX, or all there are, and then each change among them, in order and without a gap, until
interrupted. Each has an event: present, put or deleted; and lost when the store's history did not reach back to the last one: what is present
follows again, and what is not among it has gone.

With -o json and jsonl each is an object on a line, with -o yaml a document.`,
		Args: atMostArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			var err error
			if o.start, o.end, err = prefixArg(args); err != nil {
				return err
			}
			return a.withStore(cmd.Context(), maxDuration, o.run)
		},
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", "table", formats)
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "leave out the line with the names of the columns")
	return cmd
}

type kvWatchOptions struct {
	output
	start, end kv.Key
}

// The events of kv watch.
const (
	eventPresent = "present" // it was there when the watch began, or began anew
	eventPut     = "put"
	eventDeleted = "deleted"
	eventLost    = "lost"
)

// eventView is a change of a record. One that was deleted has the version of the deletion.
type eventView struct {
	Event string `json:"event"`
	recordView
}

// lostView says that changes may have been missed.
type lostView struct {
	Event   string `json:"event"`
	Version int64  `json:"version"`
}

func (o *kvWatchOptions) run(ctx context.Context, st kv.Storage) error {
	rw, ok := kv.As[kv.RangeWatcher](st)
	if !ok {
		return errors.New("this store cannot be watched")
	}
	watching, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(answerWithin, func() {
		cancel(exit(exitUnavailable, fmt.Errorf("the store did not answer within %v", answerWithin)))
	})
	defer silence.Stop()
	first := true
	for ev, err := range rw.WatchRange(watching, o.start, o.end) {
		silence.Stop()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && watching.Err() != nil:
			return context.Cause(watching)
		case err != nil:
			return err
		}
		if err := o.event(st, ev, first); err != nil {
			return err
		}
		first = false
	}
	return nil
}

// event writes all that one step of the store changed.
func (o *kvWatchOptions) event(st kv.Storage, ev kv.RangeEvent, first bool) error {
	var b strings.Builder
	if first && (o.format == "table" || o.format == "wide") && !o.noHeaders {
		b.WriteString("EVENT    VERSION  KEY  VALUE\n")
	}
	put := eventPut
	if ev.Reset {
		put = eventPresent
		if !first {
			if err := o.lost(&b, ev.Version); err != nil {
				return err
			}
		}
	}
	for _, key := range ev.Deletes {
		if err := o.change(&b, eventDeleted, kv.Record{Key: key, Version: ev.Version}); err != nil {
			return err
		}
	}
	for _, r := range ev.Puts {
		if err := o.change(&b, put, r); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := o.app.Out.Write([]byte(b.String()))
	return err
}

func (o *kvWatchOptions) lost(b *strings.Builder, v kv.Version) error {
	switch o.format {
	case "table", "wide":
		fmt.Fprintf(b, "%-7s  %d\n", eventLost, v)
		return nil
	case "name":
		return nil
	}
	return o.encode(b, lostView{Event: eventLost, Version: int64(v)})
}

// change writes one record. Lines of a table that has no end cannot line up in its last columns.
func (o *kvWatchOptions) change(b *strings.Builder, event string, r kv.Record) error {
	switch o.format {
	case "table", "wide":
		line := fmt.Sprintf("%-7s  %d  %s  %s", event, r.Version, cell(string(r.Key)), cell(string(r.Value)))
		fmt.Fprintln(b, cut(strings.TrimRight(line, " "), o.app.columns()))
		return nil
	case "name":
		fmt.Fprintln(b, cell(string(r.Key)))
		return nil
	}
	view := eventView{Event: event, recordView: *newRecordView(r)}
	if event == eventDeleted {
		view.valueView = valueView{}
	}
	return o.encode(b, view)
}

func (o *kvWatchOptions) encode(b *strings.Builder, v any) error {
	if o.format != "yaml" {
		text, err := encodeJSON(v, "")
		b.Write(text)
		return err
	}
	text, err := encodeYAML(v)
	b.WriteString("---\n")
	b.Write(text)
	return err
}
