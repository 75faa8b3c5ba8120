package etcd

import (
	"testing"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

func backend(server *etcdtest.Server) kvtest.Backend {
	return kvtest.Backend{
		New:    func(t testing.TB) kv.Storage { return server.Storage(t) },
		Second: func(t testing.TB, _ kv.Storage) kv.Storage { return server.Storage(t) },
		MinTTL: time.Second,
		Margin: 500 * time.Millisecond,
		Late:   10 * time.Second, // half a second as a rule; this machine may have other things to do
	}
}

func TestConformance(t *testing.T) { kvtest.Run(t, backend(etcdtest.Start(t))) }
