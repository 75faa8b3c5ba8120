package kvtest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

func errorIs(err, target error) bool { return errors.Is(err, target) }

// call is one of the contract's calls that take a ctx.
type call struct {
	op    string
	keyed bool // it refuses keys out of bounds
	do    func(ctx context.Context, st kv.Storage, key kv.Key) error
}

var calls = []call{
	{"create", true, func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.Create(ctx, kv.Record{Key: key})
		return err
	}},
	{"get", true, func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.Get(ctx, key)
		return err
	}},
	{"cas", true, func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.CasByVersion(ctx, kv.Record{Key: key, Version: 1})
		return err
	}},
	{"delete", true, func(ctx context.Context, st kv.Storage, key kv.Key) error { return st.Delete(ctx, key) }},
	{"wait", true, func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.WaitForVersionChange(ctx, key, 1)
		return err
	}},
	{"get range", false, func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.GetRange(ctx, key, key+"/z")
		return err
	}},
	{"new lease", false, func(ctx context.Context, st kv.Storage, _ kv.Key) error {
		_, err := st.Lessor().NewLease(ctx, time.Minute, false)
		return err
	}},
}

// requireOp checks that the error says what was tried on which key.
func (f *fixture) requireOp(err error, op string, key kv.Key) {
	f.Helper()
	var said *kv.OpError
	require.ErrorAs(f, err, &said, op)
	require.Equal(f, op, said.Op)
	require.Equal(f, key, said.Key, op)
	require.Error(f, said.Err, op)
}

var errorPromises = []promise{
	{"a call that the store refuses says what was tried on which key", func(f *fixture) {
		key := f.key("k")
		for _, c := range calls {
			if c.keyed && c.op != "create" {
				err := c.do(f.ctx, f.st, key)
				require.ErrorIs(f, err, kv.ErrNotFound, c.op)
				f.requireOp(err, c.op, key)
			}
		}
		v := f.create(key, "")
		for _, c := range calls[:1] {
			f.requireOp(c.do(f.ctx, f.st, key), c.op, key)
		}
		_, err := f.st.CasByVersion(f.ctx, kv.Record{Key: key, Version: v + 1})
		f.requireOp(err, "cas", key)
		_, err = f.st.Create(f.ctx, kv.Record{Key: key + "l", Lease: 1 << 60})
		f.requireOp(err, "create", key+"l")
		_, err = f.st.Lessor().GetLease(1 << 60)
		f.requireOp(err, "get lease", "")
		_, err = f.st.Lessor().NewLease(f.ctx, 0, false)
		f.requireOp(err, "new lease", "")
	}},
	{"a write that fails tells no version, but the one that is in its way", func(f *fixture) {
		over, cancel := context.WithCancel(f.ctx)
		cancel()
		v := f.create(f.key("k"), "")
		for _, c := range []struct {
			ctx  context.Context
			rec  kv.Record
			want error
		}{
			{f.ctx, kv.Record{Version: v}, kv.ErrInvalid},
			{over, kv.Record{Key: f.key("k"), Version: v}, context.Canceled},
			{f.ctx, kv.Record{Key: f.key("l"), Version: v, Lease: 1 << 60}, nil},
		} {
			got, err := f.st.Create(c.ctx, c.rec)
			require.Zero(f, got, "Create = version %d, %v", got, err)
			require.ErrorIs(f, err, orElse(c.want, kv.ErrWrongLeaseId))
			got, err = f.st.CasByVersion(c.ctx, c.rec)
			require.Zero(f, got, "CasByVersion = version %d, %v", got, err)
			require.ErrorIs(f, err, orElse(c.want, kv.ErrNotFound))
		}
	}},
	{"a nil ctx is ErrInvalid", func(f *fixture) {
		var none context.Context
		for _, c := range calls {
			err := c.do(none, f.st, f.key("k"))
			require.ErrorIs(f, err, kv.ErrInvalid, c.op)
			f.requireOp(err, c.op, f.keyOf(c))
		}
		f.absent(f.key("k"))
	}},
	{"with a ctx that is over a call does nothing and returns its error", func(f *fixture) {
		canceled, cancel := context.WithCancel(f.ctx)
		cancel()
		late, cancel := context.WithDeadline(f.ctx, time.Now().Add(-time.Second))
		defer cancel()
		v := f.create(f.key("l"), "one")
		for _, ctx := range []context.Context{canceled, late} {
			for _, c := range calls {
				err := c.do(ctx, f.st, f.key("k"))
				require.ErrorIs(f, err, ctx.Err(), c.op)
				require.NotErrorIs(f, err, kv.ErrUncertain, c.op)
				f.requireOp(err, c.op, f.keyOf(c))
			}
			_, err := f.st.CasByVersion(ctx, kv.Record{Key: f.key("l"), Version: v, Value: kv.Value("two")})
			require.ErrorIs(f, err, ctx.Err())
			require.ErrorIs(f, f.st.Delete(ctx, f.key("l")), ctx.Err())
			_, err = f.st.WaitForVersionChange(ctx, f.key("l"), 0)
			require.ErrorIs(f, err, ctx.Err(), "a wait that would return at once")
		}
		require.Equal(f, []string{"l"}, f.names(f.all(f.far)))
		require.Equal(f, v, f.get(f.key("l")).Version)
	}},
	{"a mistake in the arguments comes before a ctx that is over", func(f *fixture) {
		over, cancel := context.WithCancel(f.ctx)
		cancel()
		f.mistakes(over)
	}},
}

// keyOf is the key that an error of the call tells.
func (f *fixture) keyOf(c call) kv.Key {
	if c.op == "new lease" {
		return ""
	}
	return f.key("k")
}

// mistakes makes calls with arguments that are refused before anything else is looked at.
func (f *fixture) mistakes(ctx context.Context) {
	f.Helper()
	for _, c := range calls {
		if c.keyed {
			err := c.do(ctx, f.st, "")
			require.ErrorIs(f, err, kv.ErrInvalid, c.op)
			f.requireOp(err, c.op, "")
			err = c.do(nil, f.st, f.base+kv.Key(strings.Repeat("k", kv.MaxKeyLen))) //nolint:staticcheck // the mistake
			require.ErrorIs(f, err, kv.ErrInvalid, c.op)
			require.NotErrorIs(f, err, kv.ErrTooLarge, "%s with a nil ctx and a key too long: the first argument's mistake", c.op)
		}
		require.ErrorIs(f, c.do(nil, f.st, f.key("k")), kv.ErrInvalid, "%s with a nil ctx", c.op) //nolint:staticcheck // the mistake
	}
	large := make(kv.Value, kv.MaxValueLen+1)
	_, err := f.st.Create(ctx, kv.Record{Key: f.key("k"), Value: large})
	require.ErrorIs(f, err, kv.ErrTooLarge)
	_, err = f.st.CasByVersion(ctx, kv.Record{Key: f.key("k"), Value: large})
	require.ErrorIs(f, err, kv.ErrTooLarge)
	_, err = f.st.Lessor().NewLease(ctx, 0, true)
	require.ErrorIs(f, err, kv.ErrInvalid)
}

// orElse returns err, or other if it is nil.
func orElse(err, other error) error {
	if err == nil {
		return other
	}
	return err
}
