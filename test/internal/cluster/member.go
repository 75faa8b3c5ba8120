//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
)

const memberRole = "etcd"

// config is what a member's process is told.
type config struct {
	Name, Dir string
	Peer      string // where the others reach it
	Client    string // where clients reach it
	All       string // the members, as etcd wants them
	Quota     int64  // bytes of its database; zero: etcd's default
}

// serve is a member: it listens wherever there is room, and tells where.
func serve(ctx context.Context, args []string, ready func(string)) error {
	var c config
	if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
		return err
	}
	wal.SegmentSizeBytes = 1 << 20 // 64 MB are preallocated otherwise
	etcd, err := embed.StartEtcd(c.embed())
	if err != nil {
		return err
	}
	defer etcd.Close()
	// Ready it is once it knows a leader, which needs a majority: it tells before where the others can find it.
	ready(etcd.Peers[0].Addr().String() + " " + etcd.Clients[0].Addr().String())
	select {
	case <-ctx.Done():
		return nil
	case err := <-etcd.Err():
		return err
	case <-etcd.Server.StopNotify():
		return errors.New("it stopped by itself")
	}
}

func (c config) embed() *embed.Config {
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = c.Name, c.Dir
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = anyPort, []url.URL{at(c.Peer)}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = anyPort, []url.URL{at(c.Client)}
	cfg.InitialCluster = c.All
	cfg.QuotaBackendBytes = c.Quota
	cfg.UnsafeNoFsync = true // a killed process loses nothing that it has written
	cfg.LogLevel = "panic"
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	return cfg
}

func at(endpoint string) url.URL {
	u, err := url.Parse(endpoint)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", endpoint, err)) // made here
	}
	return *u
}

// Election is the time after which a cluster without its leader elects another, etcd's default. The shortest lease is one and a half
// times as long, in whole seconds: two.
const Election = time.Second
