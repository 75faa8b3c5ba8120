package semaphore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

// user is one user of the test's semaphore: a process of its own, whose calls are counted, with a session of its own.
type user struct {
	*semaphore.Semaphore
	st *count.Storage
	ss *session.Session
}

// seats is a further user, who thinks that the limit is so much.
func seats(t *testing.T, w *worlds.World, limit int64) *user {
	t.Helper()
	return userOf(t, w.Process(t), limit, nil)
}

// asked is a further user of whom queued says more: when it returns, the stored limit was compared with this one. Through a view that
// cannot be told from outside on a real server, for its first event is judged some time after the watch was asked for.
func asked(t *testing.T, w *worlds.World, limit int64) *user {
	t.Helper()
	st := w.Process(t)
	if !w.Fake {
		st = kvtest.Hide(st)
	}
	return userOf(t, st, limit, nil)
}

func userOf(t *testing.T, st kv.Storage, limit int64, opts *semaphore.Options) *user {
	t.Helper()
	counted := count.New(st)
	ss := worlds.Session(t, counted)
	return &user{semaphore.New(ss, t.Name(), limit, opts), counted, ss}
}

// waits is how many waits the user has begun.
func (u *user) waits() int { return u.st.Of(intercept.OpWait) + u.st.Of(intercept.OpWatchRange) }

// queued waits with n units, and returns once the user really waits. The user must hold nothing and wait for nothing else: then its first
// wait is this one's. A line's first wait, be it for an entry or through a watch of the line, is begun after the entry was created and
// after that call has told that others are there; and one for an entry also after the rule was asked. In fake time queued returns
// when all goroutines wait, and so after the rule was asked in any case.
func queued(t *testing.T, w *worlds.World, u *user, n int64) <-chan result {
	t.Helper()
	return queuedUntil(t, context.Background(), w, u, n)
}

func queuedUntil(t *testing.T, ctx context.Context, w *worlds.World, u *user, n int64) <-chan result {
	t.Helper()
	require.Zero(t, u.waits(), "a user that waited before")
	c := acquireAsync(ctx, u, n)
	w.Until(t, func() bool { return u.waits() > 0 })
	require.Empty(t, c)
	return c
}

func acquire(t *testing.T, u *user, n int64) *semaphore.Permit {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := u.Acquire(ctx, n)
	require.NoError(t, err, "Acquire(%d)", n)
	return p
}

func release(t *testing.T, p *semaphore.Permit) {
	t.Helper()
	require.NoError(t, p.Release(context.Background()), "Release")
}

// result is what an Acquire in another goroutine came to.
type result struct {
	p   *semaphore.Permit
	err error
}

func acquireAsync(ctx context.Context, u *user, n int64) <-chan result {
	c := make(chan result, 1)
	go func() {
		p, err := u.Acquire(ctx, n)
		c <- result{p, err}
	}()
	return c
}

// got is the permit that comes from c.
func got(t *testing.T, c <-chan result) *semaphore.Permit {
	t.Helper()
	r := worlds.Await(t, c)
	require.NoError(t, r.err, "Acquire")
	return r.p
}

func inspect(t *testing.T, st kv.Storage) semaphore.Info {
	t.Helper()
	info, err := semaphore.Inspect(context.Background(), st, t.Name())
	require.NoError(t, err, "Inspect")
	return info
}
