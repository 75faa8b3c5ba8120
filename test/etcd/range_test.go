package etcd

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// fill creates n records below prefix.
func fill(t *testing.T, c *clientv3.Client, prefix string, n int) {
	t.Helper()
	for i := 0; i < n; {
		var ops []clientv3.Op
		for ; i < n && len(ops) < 100; i++ {
			ops = append(ops, clientv3.OpPut(fmt.Sprintf("%s%06d", prefix, i), "v"))
		}
		_, err := c.Txn(t.Context()).Then(ops...).Commit()
		require.NoError(t, err)
	}
}

func TestLargeRangeIsReadInPagesAtOneMoment(t *testing.T) {
	server := etcdtest.Start(t)
	c := server.Client(t)
	fill(t, c, "k/", 3000)
	// After each page somebody removes the last key and adds another before the first.
	var once sync.Once
	pages := 0
	watched := &calls{after: func(string) {
		pages++
		once.Do(func() {
			_, err := c.Delete(context.Background(), "k/002999")
			require.NoError(t, err)
			_, err = c.Put(context.Background(), "k/!", "")
			require.NoError(t, err)
		})
	}}
	st := etcdtest.Open(t, server.Endpoint(), watched.option())
	recs, err := st.GetRange(t.Context(), "k/", "k/\xff")
	require.NoError(t, err)
	require.Len(t, recs, 3000)
	require.Equal(t, kv.Key("k/000000"), recs[0].Key)
	require.Equal(t, kv.Key("k/002999"), recs[2999].Key)
	require.InDelta(t, 4, pages, 1)
}

func TestRangeIsReadAgainWhenItsRevisionIsCompacted(t *testing.T) {
	server := etcdtest.Start(t)
	c := server.Client(t)
	fill(t, c, "k/", 600)
	var once sync.Once
	watched := &calls{after: func(string) {
		once.Do(func() {
			_, err := c.Delete(context.Background(), "k/000000")
			require.NoError(t, err)
			compact(t, c)
		})
	}}
	st := etcdtest.Open(t, server.Endpoint(), watched.option())
	recs, err := st.GetRange(t.Context(), "k/", "k/\xff")
	require.NoError(t, err)
	require.Len(t, recs, 599)
}

func TestRangeOfLargeValues(t *testing.T) {
	server := etcdtest.Start(t)
	st := server.Storage(t)
	value := make(kv.Value, kv.MaxValueLen)
	for i := range 10 {
		_, err := st.Create(t.Context(), kv.Record{Key: kv.Key(fmt.Sprintf("k%d", i)), Value: value})
		require.NoError(t, err)
	}
	recs, err := st.GetRange(t.Context(), "k", "k9")
	require.NoError(t, err)
	require.Len(t, recs, 10)
	for _, r := range recs {
		require.Len(t, r.Value, kv.MaxValueLen)
	}
}

func TestAppendIsOneCall(t *testing.T) {
	server := etcdtest.Start(t)
	count := &calls{count: make(chan string, 100)}
	st := etcdtest.Open(t, server.Endpoint(), count.option())
	first := create(t, st, "q/b", "first")
	second := create(t, st, "q/a", "second")
	replace(t, st, "q/b", first, "changed later") // which does not make it the newest
	count.counted()

	_, prev, ahead, err := st.Append(t.Context(), kv.Record{Key: "q/0"}, "q/", "q/\xff")
	require.NoError(t, err)
	require.Equal(t, 2, ahead)
	require.Equal(t, kv.Record{Key: "q/a", Value: kv.Value("second"), Version: second}, prev)
	require.Equal(t, map[string]int{"/etcdserverpb.KV/Txn": 1}, count.counted())
}
