//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
)

func newKVCmd(a *app) *cobra.Command {
	cmd := group("kv", "Read and write the store's records",
		newKVGetCmd(a), newKVLsCmd(a), newKVWatchCmd(a), newKVPutCmd(a), newKVCreateCmd(a), newKVCasCmd(a), newKVDelCmd(a))
	cmd.Long = `Read and write the store's records, as package kv has them. Keys are whole: what coord itself stores is under coord/.

Every write has a version, greater than all before it in the whole store; the commands that write print it.`
	return cmd
}

// recordView is a record.
type recordView struct {
	Key       string `json:"key"`
	KeyBase64 []byte `json:"key_base64,omitempty"` // what Key stands for that is no text; others than coord may store such
	Version   int64  `json:"version"`
	leaseView
	valueView

	record kv.Record
}

// valueView is a value: as text where it is some, else in base64. One of the two is there.
type valueView struct {
	Text   *string `json:"value,omitempty"`
	Base64 []byte  `json:"value_base64,omitempty"`
}

func newValueView(v []byte) valueView {
	if utf8.Valid(v) {
		text := string(v)
		return valueView{Text: &text}
	}
	return valueView{Base64: v}
}

func newRecordView(r kv.Record) *recordView {
	v := &recordView{
		Key: string(r.Key), Version: int64(r.Version), leaseView: leaseView{Lease: leaseID(r.Lease)}, valueView: newValueView(r.Value), record: r,
	}
	if !utf8.ValidString(v.Key) {
		v.KeyBase64 = []byte(v.Key)
	}
	return v
}

func (v *recordView) id() string { return string(v.record.Key) }

func recordsTable(records []*recordView) table {
	t := table{header: []string{"KEY", "VERSION", "LEASE", "TTL", "SIZE", "VALUE"}, wide: 5}
	for _, v := range records {
		t.rows = append(t.rows, []string{
			v.id(), strconv.FormatInt(v.Version, 10), v.Lease.String(), ttl(v.TTLSeconds), strconv.Itoa(len(v.record.Value)), string(v.record.Value),
		})
	}
	return t
}

// keyArg is a key from the command line.
func keyArg(arg string) (kv.Key, error) {
	key := kv.Key(arg)
	if err := key.Validate(); err != nil {
		return "", exit(exitUsage, err)
	}
	return key, nil
}

func noRecord(key kv.Key) error { return exit(exitNo, fmt.Errorf("no record at key %q", key)) }

func newKVGetCmd(a *app) *cobra.Command {
	o := &output{app: a, raw: true}
	cmd := &cobra.Command{
		Use:   "get KEY",
		Short: "Print the value at a key, or the record",
		Long: `Print the value at a key as it is stored, byte for byte; or, with -o, the record. On a terminal the value ends with a line's end, and
what would act on the terminal is shown escaped. Exit code 1: there is no record.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			key, err := keyArg(args[0])
			if err != nil {
				return err
			}
			return show(cmd.Context(), o, recordSource(key))
		},
	}
	o.addFlags(cmd)
	return cmd
}

func recordSource(key kv.Key) source[*recordView] {
	return source[*recordView]{
		single: true, table: recordsTable, start: key, end: key,
		read: func(ctx context.Context, st kv.Storage) ([]*recordView, error) {
			r, err := st.Get(ctx, key)
			switch {
			case errors.Is(err, kv.ErrNotFound):
				return nil, nil
			case err != nil:
				return nil, err
			}
			return []*recordView{newRecordView(r)}, nil
		},
		absent: func(v []*recordView) error {
			if len(v) == 0 {
				return noRecord(key)
			}
			return nil
		},
		value: func(v *recordView) []byte { return v.record.Value },
	}
}

func newKVLsCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "ls [PREFIX]",
		Short: "List the records whose keys begin with a prefix",
		Long:  "List the records whose keys begin with PREFIX, or all there are, sorted by key. The wide table has the values.",
		Args:  atMostArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			src := source[*recordView]{table: recordsTable, none: "no records"}
			var err error
			if src.start, src.end, err = prefixArg(args); err != nil {
				return err
			}
			src.read = func(ctx context.Context, st kv.Storage) ([]*recordView, error) {
				records, err := st.GetRange(ctx, src.start, src.end)
				views := make([]*recordView, 0, len(records))
				for _, r := range records {
					views = append(views, newRecordView(r))
				}
				return views, err
			}
			return show(cmd.Context(), o, src)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// prefixArg are the ends of the range that an optional prefix asks for.
func prefixArg(args []string) (start, end kv.Key, err error) {
	prefix := ""
	if len(args) > 0 {
		prefix = args[0]
	}
	if !utf8.ValidString(prefix) {
		return "", "", usageError("prefix %q is not valid UTF-8: no key begins with it", prefix)
	}
	start, end = kv.PrefixRange(kv.Key(prefix))
	return start, end, nil
}

// atMostArgs is cobra.MaximumNArgs as a usage error of ours.
func atMostArgs(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError("want at most %d argument(s), got %d", n, len(args))
		}
		return nil
	}
}
