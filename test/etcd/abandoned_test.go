package etcd

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/coordkit/coord/test/internal/etcdtest"
)

// aside is the time in which a client has put a watch away of which nobody wants to know any more: nobody is told when.
const aside = 50 * time.Millisecond

// abandon opens a watch whose confirmation is held back on its way, ends it meanwhile, and lets the confirmation through.
func abandon(t *testing.T, server *etcdtest.Server, l *etcdtest.Link, watch func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l.Hold(etcdtest.Replies, true)
	ended := make(chan struct{})
	before := server.Watchers(t)
	go func() {
		defer close(ended)
		watch(ctx)
	}()
	eventually(t, "the watch stands on the server", func() bool { return server.Watchers(t) == before+1 })
	cancel()
	receive(t, ended, "the end of the watch")
	time.Sleep(aside)
	l.Hold(etcdtest.Replies, false)
}

// That of etcd's own client stays. What is tested below is tested for this reason; it may go when this fails.
func TestWatchOfThePlainClientThatEndsBeforeItIsConfirmedStays(t *testing.T) {
	server := etcdtest.Start(t)
	proxy := etcdtest.NewProxy(t, server.Addr, nil)
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{proxy.Endpoint()}, Logger: zap.NewNop()})
	require.NoError(t, err)
	defer client.Close()
	_, err = client.Get(t.Context(), "k")
	require.NoError(t, err)
	abandon(t, server, proxy.Link, func(ctx context.Context) {
		for range client.Watch(ctx, "k") {
		}
	})
	require.Never(t, func() bool { return server.Watchers(t) == 0 }, time.Second, 50*time.Millisecond)
}

func TestWatchThatEndsBeforeItIsConfirmedIsTakenBack(t *testing.T) {
	server := etcdtest.Start(t)
	proxy := etcdtest.NewProxy(t, server.Addr, nil)
	st := etcdtest.Open(t, proxy.Endpoint(), nil)
	v := create(t, st, "k", "")
	for name, watch := range map[string]func(ctx context.Context){
		"of a wait": func(ctx context.Context) {
			_, err := st.WaitForVersionChange(ctx, "k", v)
			require.ErrorIs(t, err, context.Canceled)
		},
		"of a range": func(ctx context.Context) {
			for _, err := range st.WatchRange(ctx, "k", "l") {
				require.ErrorIs(t, err, context.Canceled)
			}
		},
	} {
		abandon(t, server, proxy.Link, watch)
		eventually(t, name, func() bool { return server.Watchers(t) == 0 })
	}
}

// The same where all watches are opened again because their stream has broken.
func TestWatchThatEndsWhileItIsOpenedAgainIsTakenBack(t *testing.T) {
	server := etcdtest.Start(t)
	proxy := etcdtest.NewProxy(t, server.Addr, nil)
	st := etcdtest.Open(t, proxy.Endpoint(), nil)
	v, w := create(t, st, "k", ""), create(t, st, "other", "")
	other := waiting(t.Context(), st, "other", w)
	for range 4 { // which of the two is opened first is left to chance
		ctx, cancel := context.WithCancel(t.Context())
		abandoned := waiting(ctx, st, "k", v)
		eventually(t, "both watches stand", func() bool { return server.Watchers(t) == 2 })
		proxy.Delay(etcdtest.Replies, 400*time.Millisecond)
		proxy.Cut()
		eventually(t, "the stream has broken", func() bool { return server.Watchers(t) == 0 })
		eventually(t, "a watch is opened again", func() bool { return server.Watchers(t) > 0 })
		cancel()
		require.ErrorIs(t, receive(t, abandoned, "wait").err, context.Canceled)
		time.Sleep(aside)
		proxy.Delay(etcdtest.Replies, 0)
		eventually(t, "the other watch stands", func() bool { return server.Watchers(t) > 0 })
		eventually(t, "one watch is left", func() bool { return server.Watchers(t) == 1 })
	}
	replace(t, st, "other", w, "new")
	require.NoError(t, receive(t, other, "the other wait").err)
}
