package kvtest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// call is one of the contract's calls that take a ctx, on a key.
type call struct {
	op string
	do func(ctx context.Context, st kv.Storage, key kv.Key) error
}

var calls = []call{
	{"create", func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.Create(ctx, kv.Record{Key: key})
		return err
	}},
	{"get", func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.Get(ctx, key)
		return err
	}},
	{"cas", func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.CasByVersion(ctx, kv.Record{Key: key, Version: 1})
		return err
	}},
	{"delete", func(ctx context.Context, st kv.Storage, key kv.Key) error { return st.Delete(ctx, key) }},
	{"wait", func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.WaitForVersionChange(ctx, key, 1)
		return err
	}},
	{"get range", func(ctx context.Context, st kv.Storage, key kv.Key) error {
		_, err := st.GetRange(ctx, key, key)
		return err
	}},
	{"new lease", func(ctx context.Context, st kv.Storage, _ kv.Key) error {
		_, err := st.Lessor().NewLease(ctx, time.Minute, false)
		return err
	}},
}

var errorCases = []Case{
	{"a failed call says what was tried on which key", func(f *fixture) {
		for _, c := range calls {
			if c.op == "create" || c.op == "get range" || c.op == "new lease" {
				continue // they do not fail on an absent key
			}
			err := c.do(f.ctx, f.st, f.key("absent"))
			var op *kv.OpError
			require.ErrorAs(f, err, &op, c.op)
			require.Equal(f, c.op, op.Op)
			require.Equal(f, f.key("absent"), op.Key)
			require.ErrorIs(f, err, kv.ErrNotFound, c.op)
		}
	}},
	{"keys out of bounds are ErrInvalid", func(f *fixture) {
		for _, c := range calls {
			if c.op == "get range" || c.op == "new lease" {
				continue // the ends of a range may be any strings
			}
			for _, key := range []kv.Key{"", "\xff", "a\xc3", kv.Key(make([]byte, kv.MaxKeyLen+1))} {
				require.ErrorIs(f, c.do(f.ctx, f.st, key), kv.ErrInvalid, "%s(%.10q)", c.op, string(key))
			}
		}
	}},
	{"a nil ctx is ErrInvalid", func(f *fixture) {
		var none context.Context
		for _, c := range calls {
			require.ErrorIs(f, c.do(none, f.st, f.key("k")), kv.ErrInvalid, c.op)
		}
	}},
	{"with a ctx that is over a call does nothing and returns its error", func(f *fixture) {
		canceled, cancel := context.WithCancel(f.ctx)
		cancel()
		late, cancel := context.WithDeadline(f.ctx, time.Now().Add(-time.Second))
		defer cancel()
		for _, c := range calls {
			for _, ctx := range []context.Context{canceled, late} {
				err := c.do(ctx, f.st, f.key("k"))
				require.ErrorIs(f, err, ctx.Err(), c.op)
				require.NotErrorIs(f, err, kv.ErrUncertain, c.op)
			}
		}
		f.absent(f.key("k"))
	}},
}

var closeCases = []Case{
	{"after Close every call is ErrClosed, also with a ctx that is over", func(f *fixture) {
		f.close(f.st)
		over, cancel := context.WithCancel(f.ctx)
		cancel()
		for _, c := range calls {
			for _, ctx := range []context.Context{f.ctx, over} {
				require.ErrorIs(f, c.do(ctx, f.st, f.key("k")), kv.ErrClosed, c.op)
			}
		}
		_, err := f.st.Lessor().GetLease(1)
		require.ErrorIs(f, err, kv.ErrClosed, "GetLease")
		f.close(f.st)
	}},
	{"Close ends waits with ErrClosed", func(f *fixture) {
		v := f.create(f.key("k"), "")
		c := f.wait(f.ctx, f.st, f.key("k"), v)
		f.close(f.st)
		require.ErrorIs(f, f.result(c).err, kv.ErrClosed)
	}},
	{"Close renews no more and releases nothing", func(f *fixture) {
		l := f.lease(f.b.MinTTL, true)
		v := f.bind(f.key("k"), l)
		f.close(f.st)
		_, err := f.far.Get(f.ctx, f.key("k"))
		require.NoError(f, err, "the record went with Close")
		f.untilGone(f.key("k"), v)
	}},
	{"Close of one handle leaves the other alone", func(f *fixture) {
		v := f.create(f.key("k"), "")
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		f.close(f.st)
		next, err := f.far.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v})
		require.NoError(f, err)
		o := f.result(c)
		require.NoError(f, o.err)
		require.Equal(f, next, o.rec.Version)
	}},
}
