//go:build !nolocal

package devserver

import (
	"math"
	"net/url"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/config"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3compactor"
	"go.etcd.io/etcd/server/v3/features"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
	"golang.org/x/crypto/bcrypt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// Where this server differs from the program etcd.
const (
	tickMs        = 10 // heartbeat: a single member has nobody to wait for
	electionTicks = 10
	segmentBytes  = 1 << 20
	// Reads of a range slow down with every name deleted since the last compaction.
	compactionRetention = 5 * time.Minute
	memberName          = "coord"
)

// What the program etcd has as its defaults, which are constants of the package that this one does without.
const (
	maxFiles        = 5 // of the log, and of snapshots, that are kept
	maxTxnOps       = 128
	maxRequestBytes = 3 << 19
	slowApply       = 100 * time.Millisecond
	slowRequest     = 300 * time.Millisecond
	tokenTTL        = 300 // seconds
	clientPingMin   = 5 * time.Second
	pingInterval    = 2 * time.Hour
	pingTimeout     = 20 * time.Second
)

// smallSegments sets a variable of the wal package, once, for servers may be started side by side.
var smallSegments = sync.OnceFunc(func() { wal.SegmentSizeBytes = segmentBytes })

// serverConfig is the configuration of a server that tells its clients to come to the address advertised. Its member
// claims a peer address on which nothing listens: etcd needs one for its membership, and a single member never uses it.
func serverConfig(opts *Options, advertised url.URL, log *zap.Logger) config.ServerConfig {
	smallSegments()
	peers := types.URLs{{Scheme: "unix", Host: memberName}}
	return config.ServerConfig{
		Name:                        memberName,
		ClientURLs:                  types.URLs{advertised},
		PeerURLs:                    peers,
		DataDir:                     opts.DataDir,
		SnapshotCount:               etcdserver.DefaultSnapshotCount,
		SnapshotCatchUpEntries:      etcdserver.DefaultSnapshotCatchUpEntries,
		MaxSnapFiles:                maxFiles,
		MaxWALFiles:                 maxFiles,
		InitialPeerURLsMap:          types.URLsMap{memberName: peers},
		InitialClusterToken:         memberName,
		NewCluster:                  true,
		TickMs:                      tickMs,
		ElectionTicks:               electionTicks,
		InitialElectionTickAdvance:  true,
		AutoCompactionRetention:     compactionRetention,
		AutoCompactionMode:          v3compactor.ModePeriodic,
		MaxTxnOps:                   maxTxnOps,
		MaxRequestBytes:             maxRequestBytes,
		MaxConcurrentStreams:        math.MaxUint32,
		WarningApplyDuration:        slowApply,
		WarningUnaryRequestDuration: slowRequest,
		StrictReconfigCheck:         true,
		AuthToken:                   "simple",
		BcryptCost:                  uint(bcrypt.DefaultCost),
		TokenTTL:                    tokenTTL,
		CompactHashCheckTime:        time.Minute,
		PreVote:                     true,
		Logger:                      log,
		UnsafeNoFsync:               opts.NoSync,
		DowngradeCheckTime:          5 * time.Second,
		MaxLearners:                 membership.DefaultMaxLearners,
		V2Deprecation:               config.V2DeprDefault,
		ServerFeatureGate:           features.NewDefaultServerFeatureGate(memberName, nil),
		Metrics:                     "basic",
	}
}

// grpcOptions lets clients ping as often as etcd lets them.
func grpcOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: clientPingMin}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingInterval, Timeout: pingTimeout}),
	}
}
