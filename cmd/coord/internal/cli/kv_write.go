//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
)

// kvWrite is a command that writes a record, or removes one.
type kvWrite struct {
	app    *app
	file   string
	lease  string
	record kv.Record
}

const aboutValue = `

VALUE is taken as it is; - reads it from standard input, --file from a file.`

func newKVPutCmd(a *app) *cobra.Command {
	o := &kvWrite{app: a}
	cmd := o.command("put KEY VALUE", "Store a value, whatever is there",
		`Store a value, whatever is there, and print its version. A record that is there keeps its lease.`+aboutValue, 1, o.put)
	return cmd
}

func newKVCreateCmd(a *app) *cobra.Command {
	o := &kvWrite{app: a}
	cmd := o.command("create KEY VALUE", "Store a value at a key that is not there",
		`Store a value at a key that is not there, and print its version. Exit code 1: it is there, or there is no such lease.`+aboutValue, 1, o.create)
	cmd.Flags().StringVar(&o.lease, "lease", "", "remove the record with this lease (hexadecimal)")
	return cmd
}

func newKVCasCmd(a *app) *cobra.Command {
	o := &kvWrite{app: a}
	return o.command("cas KEY VERSION VALUE", "Replace the value of a record that has a version",
		`Replace the value of a record that has VERSION still, and print its new version. Exit code 1: it has another, or is not there.`+aboutValue,
		2, o.cas)
}

func newKVDelCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "del KEY",
		Short: "Remove a record",
		Long:  "Remove a record, whatever its version. Exit code 1: it is not there.",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := keyArg(args[0])
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), answerWithin, func(ctx context.Context, st kv.Storage) error {
				err := st.Delete(ctx, key)
				if errors.Is(err, kv.ErrNotFound) {
					return noRecord(key)
				}
				return err
			})
		},
	}
}

// command is a command whose arguments are n others, KEY the first of them, and then a value. It prints the version that write returns.
func (o *kvWrite) command(
	use, short, long string, n int, write func(context.Context, kv.Storage) (kv.Version, error),
) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case o.file == "" && len(args) != n+1:
				return usageError("want %d arguments, got %d", n+1, len(args))
			case o.file != "" && len(args) != n:
				return usageError("want %d argument(s) beside --file, got %d", n, len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.parse(args, n); err != nil {
				return err
			}
			return o.app.withStore(cmd.Context(), answerWithin, func(ctx context.Context, st kv.Storage) error {
				v, err := write(ctx, st)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(o.app.Out, v)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&o.file, "file", "", "read the value from this file")
	return cmd
}

// parse reads the arguments, and the value from where they say.
func (o *kvWrite) parse(args []string, n int) (err error) {
	if o.record.Key, err = keyArg(args[0]); err != nil {
		return err
	}
	if n == 2 {
		v, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || v <= 0 {
			return usageError("VERSION %q is none: want a positive number", args[1])
		}
		o.record.Version = kv.Version(v)
	}
	if o.lease != "" {
		if o.record.Lease, err = leaseArg(o.lease); err != nil {
			return err
		}
	}
	switch {
	case o.file != "":
		f, err := os.Open(o.file)
		if err != nil {
			return exit(exitUsage, err)
		}
		defer f.Close()
		o.record.Value, err = readValue(f)
		if err != nil {
			return exit(exitUsage, err)
		}
	case args[n] == "-":
		if o.record.Value, err = readValue(o.app.In); err != nil {
			return exit(exitUsage, err)
		}
	default:
		o.record.Value = kv.Value(args[n])
	}
	if err := o.record.Validate(); err != nil {
		return exit(exitUsage, err)
	}
	return nil
}

// readValue reads no more than shows that it is too much.
func readValue(r io.Reader) (kv.Value, error) {
	return io.ReadAll(io.LimitReader(r, kv.MaxValueLen+1))
}

// leaseArg is a lease from the command line.
func leaseArg(arg string) (kv.LeaseId, error) {
	id, err := strconv.ParseInt(arg, 16, 64)
	if err != nil || id <= 0 {
		return 0, usageError("lease %q is none: want a hexadecimal number", arg)
	}
	return kv.LeaseId(id), nil
}

func (o *kvWrite) put(ctx context.Context, st kv.Storage) (kv.Version, error) {
	for {
		cur, err := st.Get(ctx, o.record.Key)
		var v kv.Version
		switch {
		case err == nil:
			v, err = st.CasByVersion(ctx, kv.Record{Key: o.record.Key, Value: o.record.Value, Version: cur.Version})
		case errors.Is(err, kv.ErrNotFound):
			v, err = st.Create(ctx, o.record)
		}
		if errors.Is(err, kv.ErrWrongVersion) || errors.Is(err, kv.ErrNotFound) || errors.Is(err, kv.ErrAlreadyExists) {
			continue // somebody came between
		}
		return v, err
	}
}

func (o *kvWrite) create(ctx context.Context, st kv.Storage) (kv.Version, error) {
	v, err := st.Create(ctx, o.record)
	switch {
	case errors.Is(err, kv.ErrAlreadyExists):
		return 0, exit(exitNo, fmt.Errorf("key %q is there already, with version %d", o.record.Key, v))
	case errors.Is(err, kv.ErrWrongLeaseId):
		return 0, noLease(o.record.Lease)
	}
	return v, err
}

func (o *kvWrite) cas(ctx context.Context, st kv.Storage) (kv.Version, error) {
	v, err := st.CasByVersion(ctx, o.record)
	switch {
	case errors.Is(err, kv.ErrWrongVersion):
		return 0, exit(exitNo, fmt.Errorf("key %q has version %d, not %d", o.record.Key, v, o.record.Version))
	case errors.Is(err, kv.ErrNotFound):
		return 0, noRecord(o.record.Key)
	}
	return v, err
}

func noLease(id kv.LeaseId) error { return exit(exitNo, fmt.Errorf("no lease %s", leaseID(id))) }
