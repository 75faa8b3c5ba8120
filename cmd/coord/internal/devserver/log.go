//go:build !nolocal

package devserver

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// tooYoung is what etcd logs when it looks for the storage version before a fresh store has one; it looks again later.
const tooYoung = "cannot detect storage schema version: missing term information"

// logCore hands etcd's entries of level error and above to a slog.Logger and drops the rest. Muted, it drops all: etcd
// logs errors with stack traces for what is a clean stop.
type logCore struct {
	out     *slog.Logger
	muted   *atomic.Bool
	version *atomic.Value // string: the storage version last named by an entry
	fields  []zapcore.Field
}

var _ zapcore.Core = (*logCore)(nil)

func (c *logCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.ErrorLevel && !c.muted.Load()
}

func (c *logCore) With(fields []zapcore.Field) zapcore.Core {
	return &logCore{out: c.out, muted: c.muted, version: c.version, fields: slices.Concat(c.fields, fields)}
}

func (c *logCore) Check(ent zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(ent.Level) {
		return ce.AddCore(ent, c)
	}
	return ce
}

func (c *logCore) Write(ent zapcore.Entry, fields []zapcore.Field) error {
	values := fieldValues(slices.Concat(c.fields, fields))
	if v, ok := values[storageVersionKey].(string); ok {
		c.version.Store(v)
	}
	if values["error"] == tooYoung {
		return nil
	}
	attrs := make([]slog.Attr, 0, len(values)+1)
	attrs = append(attrs, slog.String("etcd", ent.Level.String()))
	for _, k := range slices.Sorted(maps.Keys(values)) {
		attrs = append(attrs, slog.Any(k, values[k]))
	}
	c.out.LogAttrs(context.Background(), slog.LevelError, ent.Message, attrs...)
	return nil
}

func (c *logCore) Sync() error { return nil }

// A stopHook is what zap runs after an entry that ends the program (Fatal, which would exit without a word) or the
// goroutine (Panic). It reports the entry and never returns: the code that logged it must not go on, and the owner of the
// server ends the process in good order.
type stopHook func(err error)

func (h stopHook) OnWrite(ce *zapcore.CheckedEntry, fields []zapcore.Field) {
	h(entryError(ce.Entry, fields))
	select {}
}

func newLogger(core *logCore, stop stopHook) *zap.Logger {
	return zap.New(core, zap.WithFatalHook(stop), zap.WithPanicHook(stop))
}

// entryError makes an error of a log entry: its message and, if it has one, its error; else all of its fields. Data of a
// newer etcd becomes a NewerDataError.
func entryError(ent zapcore.Entry, fields []zapcore.Field) error {
	values := fieldValues(fields)
	if v, ok := values[clusterVersionKey].(string); ok {
		return &NewerDataError{Data: v, Server: Version}
	}
	if cause, ok := values["error"]; ok {
		return fmt.Errorf("%s: %v", ent.Message, cause)
	}
	if len(values) == 0 {
		return fmt.Errorf("%s", ent.Message)
	}
	parts := make([]string, 0, len(values))
	for _, k := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, fmt.Sprintf("%s=%v", k, values[k]))
	}
	return fmt.Errorf("%s (%s)", ent.Message, strings.Join(parts, ", "))
}

func fieldValues(fields []zapcore.Field) map[string]any {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		if f.Type != zapcore.SkipType && f.Key != "stacktrace" {
			f.AddTo(enc)
		}
	}
	return enc.Fields
}
