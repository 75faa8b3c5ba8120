package kvtest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var closePromises = []promise{
	{"after Close every call is ErrClosed, also with a ctx that is over", func(f *fixture) {
		l := f.lease(time.Minute, false)
		f.close(f.st)
		over, cancel := context.WithCancel(f.ctx)
		cancel()
		for _, c := range calls {
			for _, ctx := range []context.Context{f.ctx, over} {
				err := c.do(ctx, f.st, f.key("k"))
				require.ErrorIs(f, err, kv.ErrClosed, c.op)
				f.requireOp(err, c.op, f.keyOf(c))
			}
		}
		_, err := f.st.Lessor().GetLease(1)
		require.ErrorIs(f, err, kv.ErrClosed, "GetLease")
		f.requireOp(err, "get lease", "")
		err = l.Release()
		require.ErrorIs(f, err, kv.ErrClosed, "Release")
		f.requireOp(err, "release lease", "")
		f.absent(f.key("k"))
	}},
	{"a mistake in the arguments comes before ErrClosed", func(f *fixture) {
		f.close(f.st)
		f.mistakes(f.ctx)
	}},
	{"Close may be repeated, by several at once", func(f *fixture) {
		closeIt := f.closes(f.st)
		f.create(f.key("k"), "")
		f.together(10, func(int) error {
			closeIt()
			return nil
		})
		closeIt()
		f.get(f.key("k")) // it was counted once, where handles share something
	}},
	{"Close ends waits with ErrClosed", func(f *fixture) {
		v := f.create(f.key("k"), "")
		var waits []<-chan outcome
		for range 20 {
			waits = append(waits, f.arm(f.ctx, f.st, f.key("k"), v))
		}
		waits = append(waits, f.arm(f.ctx, f.st, f.key("l"), f.create(f.key("l"), "")))
		f.settle()
		f.close(f.st)
		for _, c := range waits {
			o := f.result(c)
			require.ErrorIs(f, o.err, kv.ErrClosed)
			require.Equal(f, kv.Record{}, o.rec)
		}
	}},
	{"Close renews no more and releases nothing", func(f *fixture) {
		l := f.lease(f.ttl, true)
		v := f.bind(f.key("k"), l)
		f.close(f.st)
		f.get(f.key("k")) // it did not go with Close
		_, err := f.far.Lessor().GetLease(l.Id())
		require.NoError(f, err)
		require.Equal(f, deleted, f.result(f.arm(f.ctx, f.far, f.key("k"), v)), "the lease ran out")
		require.LessOrEqual(f, l.TTL(), time.Duration(0))
	}},
	{"Close of one handle leaves the other alone", func(f *fixture) {
		v := f.create(f.key("k"), "")
		l, err := f.far.Lessor().NewLease(f.ctx, f.ttl, true)
		require.NoError(f, err)
		defer l.Release()
		f.bind(f.key("l"), l)
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		f.close(f.st)
		time.Sleep(2 * f.ttl)
		f.get(f.key("l"))
		require.NoError(f, f.far.Delete(f.ctx, f.key("k")))
		require.Equal(f, deleted, f.result(c))
	}},
}
