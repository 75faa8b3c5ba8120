//go:build !nolocal

package devserver

import (
	"fmt"
	"net"
	"net/url"
	"sync"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

const (
	tickMs       = 10  // heartbeat: a single member has nobody to wait for
	electionMs   = 100 // etcd asks for at least five ticks
	segmentBytes = 1 << 20
	compaction   = "5m" // periodic; reads of a range slow down with every name deleted since the last one
	memberName   = "coord"
	newSuffix    = ".new"
)

// smallSegments sets a variable of the wal package, once, for servers may be started side by side.
var smallSegments = sync.OnceFunc(func() { wal.SegmentSizeBytes = segmentBytes })

// config builds etcd's configuration for a server whose clients come to the address at. Its member claims a peer address
// on which nothing listens: etcd needs the name for its membership, and a single member never calls a peer.
func config(opts *Options, at, advertised url.URL, log *zap.Logger, register func(*grpc.Server)) *embed.Config {
	smallSegments()
	peer := url.URL{Scheme: "unix", Host: memberName}
	cfg := embed.NewConfig()
	cfg.Name = memberName
	cfg.Dir = opts.DataDir
	cfg.ListenPeerUrls = nil
	cfg.AdvertisePeerUrls = []url.URL{peer}
	cfg.InitialCluster = memberName + "=" + peer.String()
	cfg.ListenClientUrls = []url.URL{at}
	cfg.AdvertiseClientUrls = []url.URL{advertised}
	cfg.TickMs = tickMs
	cfg.ElectionMs = electionMs
	cfg.AutoCompactionMode = embed.CompactorModePeriodic
	cfg.AutoCompactionRetention = compaction
	cfg.EnableGRPCGateway = false
	cfg.UnsafeNoFsync = opts.NoSync
	cfg.LogLevel = "error"
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(log)
	cfg.ServiceRegister = register
	return cfg
}

// addresses returns where etcd binds, what it tells others, and the endpoint for clients.
func addresses(opts *Options) (at, advertised url.URL, endpoint string, err error) {
	if opts.Socket != "" {
		at = url.URL{Scheme: "unix", Path: opts.Socket + newSuffix}
		advertised = url.URL{Scheme: "unix", Path: opts.Socket}
		return at, advertised, "unix://" + opts.Socket, nil
	}
	addr, err := freePort(opts.Listen)
	if err != nil {
		return at, advertised, "", err
	}
	at = url.URL{Scheme: "http", Host: addr}
	return at, at, addr, nil
}

// freePort replaces port 0 by a port that was free a moment ago. etcd would bind port 0 itself, but then tell clients
// that ask for the members' addresses to come to port 0.
func freePort(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%w: listen address: %w", ErrInvalid, err)
	}
	if host != "localhost" && net.ParseIP(host) == nil {
		return "", fmt.Errorf("%w: listen address %q: the host must be an IP address or localhost", ErrInvalid, addr)
	}
	if port != "0" {
		return addr, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	_, port, err = net.SplitHostPort(l.Addr().String())
	if cerr := l.Close(); err == nil {
		err = cerr
	}
	return net.JoinHostPort(host, port), err
}
