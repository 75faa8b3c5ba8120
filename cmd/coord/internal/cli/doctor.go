//go:build unix

package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
)

func newDoctorCmd(a *app) *cobra.Command {
	d := &doctor{app: a}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the store, the way to it, and what is left on it",
		Long: `Check the store and the way to it: the settings, each endpoint with its version and its alarms, TLS, authentication; how long a read and a
write take; how long a lease is, and what was asked for; whether clocks differ; and what should not be on the store: entries that go with no
lease, records that cannot be read, services without an epoch, delays of locks whose holders died, keys that are none of coord's.

It writes a key of its own under coord/doctor/, with a lease, and removes both. Each check is a line: ok, warn or fail, and what to do; with -q
only those that are not ok.

With -o json and yaml it is a list, with jsonl an object on a line. Exit code 1: something failed; a warning is no failure.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"text", "json", "jsonl", "yaml"}, d.format) {
				return usageError("--output %q: want text, json, jsonl or yaml", d.format)
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().StringVarP(&d.format, "output", "o", "text", "text, json, jsonl or yaml")
	return cmd
}

// The results of a check.
const (
	resultOK   = "ok"
	resultWarn = "warn"
	resultFail = "fail"
)

// findingView is what a check has found.
type findingView struct {
	Check    string   `json:"check"`
	Endpoint string   `json:"endpoint,omitempty"` // the one that it is about
	Result   string   `json:"result"`
	Detail   string   `json:"detail"`
	Advice   string   `json:"advice,omitempty"`
	Millis   *float64 `json:"milliseconds,omitempty"` // of a round trip, in the middle
	Keys     []string `json:"keys,omitempty"`         // that it is about
}

// doctor checks one thing after the other, and keeps what it has found.
type doctor struct {
	app      *app
	format   string
	findings []findingView
	broken   error // why nothing can be written any more
}

func (d *doctor) run(ctx context.Context) error {
	d.findings = []findingView{}
	if st := d.connect(ctx); st != nil {
		defer st.Close()
		if d.reads(ctx, st) {
			d.writes(ctx, st)
			d.leftovers(ctx, st)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := d.finish(); err != nil {
		return err
	}
	if slices.ContainsFunc(d.findings, func(f findingView) bool { return f.Result == resultFail }) {
		return exit(exitNo, nil) // the lines say it
	}
	return nil
}

// found takes a finding, and shows it where one is shown at a time.
func (d *doctor) found(f findingView) {
	if d.app.quiet && f.Result == resultOK {
		return
	}
	d.findings = append(d.findings, f)
	var line []byte
	switch d.format {
	case "text":
		line = []byte(cell(f.String()) + "\n")
	case "jsonl":
		line, d.broken = encodeJSON(f, "")
	}
	if d.broken == nil {
		_, d.broken = d.app.Out.Write(line)
	}
}

// finish shows all where they are one text.
func (d *doctor) finish() error {
	var text []byte
	switch d.format {
	case "json":
		text, d.broken = encodeJSON(d.findings, "  ")
	case "yaml":
		text, d.broken = encodeYAML(d.findings)
	}
	if d.broken == nil {
		_, d.broken = d.app.Out.Write(text)
	}
	return d.broken
}

// ok, warn and fail take a finding in words.
func (d *doctor) ok(check, format string, args ...any) {
	d.found(findingView{Check: check, Result: resultOK, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(check, advice, format string, args ...any) {
	d.found(findingView{Check: check, Result: resultWarn, Advice: advice, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) fail(check, advice string, err error) {
	d.found(findingView{Check: check, Result: resultFail, Advice: advice, Detail: explain(err)})
}

// String is the finding as a line of text.
func (f findingView) String() string {
	line := fmt.Sprintf("%-4s  %-8s  %s", f.Result, f.Check, f.Detail)
	if f.Endpoint != "" {
		line = fmt.Sprintf("%-4s  %-8s  %s: %s", f.Result, f.Check, f.Endpoint, f.Detail)
	}
	if len(f.Keys) > 0 {
		line += someOf(f.Keys)
	}
	if f.Advice != "" {
		line += "; " + f.Advice
	}
	return line
}

// within bounds one question to the store.
func within[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return ask(ctx)
}

// picture is a storage as it was at one moment, for what reads it in several steps.
type picture struct {
	kv.Storage // nil: a picture answers reads of ranges only
	records    kv.Records
}

func takePicture(ctx context.Context, st kv.Storage, prefix kv.Key) (*picture, error) {
	start, end := kv.PrefixRange(prefix)
	records, err := st.GetRange(ctx, start, end)
	return &picture{records: records}, err
}

// GetRange implements kv.Storage.
func (p *picture) GetRange(_ context.Context, start, end kv.Key) (kv.Records, error) {
	var out kv.Records
	for _, r := range p.records {
		if r.Key >= start && (end == "" || r.Key < end) {
			out = append(out, r)
		}
	}
	return out, nil
}
