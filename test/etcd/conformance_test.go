package etcd

import (
	"testing"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

func TestConformance(t *testing.T) {
	server := etcdtest.Start(t)
	kvtest.Run(t, kvtest.Backend{
		New:    func(t *testing.T) kv.Storage { return server.Storage(t) },
		Second: func(t *testing.T, _ kv.Storage) kv.Storage { return server.Storage(t) },
		MinTTL: time.Second,
		Margin: 500 * time.Millisecond,
	})
}
