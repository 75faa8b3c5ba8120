package etcd

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/coordkit/coord/kv"
)

func TestWriteIsSentOnce(t *testing.T) {
	// Whatever of this a server answers, its proposal may be on its way: sent again, a Create could find its own record.
	for name, answer := range map[string]error{
		"its own deadline":     rpctypes.ErrGRPCDeadlineExceeded,
		"cancelled there":      rpctypes.ErrGRPCCanceled,
		"request timed out":    rpctypes.ErrGRPCTimeout,
		"leader failed":        rpctypes.ErrGRPCTimeoutDueToLeaderFail,
		"server stopped":       rpctypes.ErrGRPCStopped,
		"something unheard of": context.Canceled,
	} {
		t.Run(name, func(t *testing.T) {
			a := &answering{txn: func(int32) (*pb.TxnResponse, error) { return nil, answer }}
			_, err := served(t, a).Create(t.Context(), kv.Record{Key: "k"})
			require.ErrorIs(t, err, kv.ErrUncertain)
			require.EqualValues(t, 1, a.txns.Load())
		})
	}
}

func TestServersWordThatNothingWasDoneIsDefinite(t *testing.T) {
	for answer, want := range map[error]error{
		rpctypes.ErrGRPCLeaseNotFound:          kv.ErrWrongLeaseId,
		rpctypes.ErrGRPCRequestTooLarge:        kv.ErrTooLarge,
		rpctypes.ErrGRPCPermissionDenied:       rpctypes.ErrPermissionDenied,
		rpctypes.ErrGRPCRequestTooManyRequests: kv.ErrUnavailable,
	} {
		a := &answering{txn: func(int32) (*pb.TxnResponse, error) { return nil, answer }}
		_, err := served(t, a).Create(t.Context(), kv.Record{Key: "k"})
		require.ErrorIs(t, err, want)
		require.NotErrorIs(t, err, kv.ErrUncertain)
		require.ErrorIs(t, err, rpctypes.Error(answer), "the cause is kept")
	}
}

func TestReadIsAskedAgain(t *testing.T) {
	a := &answering{rng: func(n int32) (*pb.RangeResponse, error) {
		switch n {
		case 1:
			return nil, rpctypes.ErrGRPCLeaderChanged
		case 2:
			return nil, rpctypes.ErrGRPCDeadlineExceeded
		}
		return &pb.RangeResponse{Header: &pb.ResponseHeader{}}, nil
	}}
	_, err := served(t, a).Get(t.Context(), "k")
	require.ErrorIs(t, err, kv.ErrNotFound)
	require.EqualValues(t, 3, a.reads.Load())
}

func TestReadGivesUpInTime(t *testing.T) {
	a := &answering{rng: func(int32) (*pb.RangeResponse, error) { return nil, rpctypes.ErrGRPCNoLeader }}
	st := servedWithin(t, a, time.Second)
	start := time.Now()
	_, err := st.Get(context.Background(), "k")
	require.ErrorIs(t, err, kv.ErrUnavailable)
	require.NotErrorIs(t, err, kv.ErrUncertain, "a read")
	require.Greater(t, time.Since(start), 300*time.Millisecond, "it is asked again and again")
	require.Less(t, time.Since(start), DefaultDialTimeout, "which is not what was asked for")
}

func TestDeadlineTheServerNoticesFirstIsTheCallers(t *testing.T) {
	a := &answering{txn: func(int32) (*pb.TxnResponse, error) {
		time.Sleep(150 * time.Millisecond)
		return nil, rpctypes.ErrGRPCDeadlineExceeded
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := served(t, a).Create(ctx, kv.Record{Key: "k"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, kv.ErrUncertain)
}

func TestNoSpaceIsSettledByARead(t *testing.T) {
	for name, tc := range map[string]struct {
		stored    []int64 // mod revisions at the key afterwards
		uncertain bool
	}{
		"not applied": {nil, false},
		"applied":     {[]int64{7}, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := &answering{
				txn: func(int32) (*pb.TxnResponse, error) { return nil, rpctypes.ErrGRPCNoSpace },
				rng: func(int32) (*pb.RangeResponse, error) {
					resp := &pb.RangeResponse{Header: &pb.ResponseHeader{}}
					for _, rev := range tc.stored {
						resp.Kvs = append(resp.Kvs, keyValue("k", rev))
					}
					return resp, nil
				},
			}
			_, err := served(t, a).Create(t.Context(), kv.Record{Key: "k"})
			require.ErrorIs(t, err, kv.ErrUnavailable)
			require.ErrorIs(t, err, rpctypes.ErrNoSpace)
			if tc.uncertain {
				require.ErrorIs(t, err, kv.ErrUncertain)
			} else {
				require.NotErrorIs(t, err, kv.ErrUncertain)
			}
		})
	}
}

func TestInvalidOptionOfNewIsToldByEveryCall(t *testing.T) {
	own, err := Open([]string{"http://127.0.0.1:1"}, nil)
	require.NoError(t, err)
	defer own.Close()
	st := New(own.Client(), &Options{DialTimeout: -1})
	defer st.Close()
	_, err = st.Get(t.Context(), "k")
	require.ErrorIs(t, err, kv.ErrInvalid)
	_, err = st.Lessor().NewLease(t.Context(), time.Second, true)
	require.ErrorIs(t, err, kv.ErrInvalid)
	require.Panics(t, func() { New(nil, nil) })
}
