//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/rpc"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/cluster"
)

// orders are what a worker's process is told.
type orders struct {
	Name      string
	Endpoints []string
	Vault     string
	Locks     []string // kind/manner/number
	TTL       time.Duration
	Forever   bool // a hold lasts until it is lost
}

// A worker is careful, which is to ask its claim before each write, or blind.
const (
	careful = "/careful/"
	blind   = "/blind/"
)

func startWorker(t *testing.T, o orders) *cluster.Process {
	t.Helper()
	b, err := json.Marshal(o)
	require.NoError(t, err)
	return cluster.Run(t, "worker", string(b))
}

// work is the process of a worker: for each of its locks it comes in, writes, and gives back, again and again.
func work(ctx context.Context, args []string, ready func(string)) (err error) {
	var o orders
	if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
		return err
	}
	st, err := etcd.Open(o.Endpoints, nil)
	if err != nil {
		return err
	}
	defer st.Close()
	vault, err := rpc.Dial("tcp", o.Vault)
	if err != nil {
		return err
	}
	defer vault.Close()
	s := session.New(st, &session.Options{TTL: o.TTL})
	defer func() { err = s.Close(context.Background()) }()
	if err := s.Ready(ctx); err != nil {
		return err
	}
	ready("at work")
	var all sync.WaitGroup
	for _, lock := range o.Locks {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := o.turn(ctx, s, vault, lock); err != nil {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	return nil
}

// turn is one hold of a lock.
func (o orders) turn(ctx context.Context, s *session.Session, vault *rpc.Client, lock string) error {
	kind, _, _ := strings.Cut(lock, "/")
	if kind == "rwmutex" && !o.Forever && rand.N(2) == 0 {
		kind = reader
	}
	h, err := take(ctx, s, kind, lock)
	if err != nil {
		return err
	}
	defer h.giveBack(context.Background())
	e := Entry{Lock: lock, Holder: o.Name, Token: h.Token(), Shared: h.shared}
	var c Counters
	if err := vault.Call("Vault.Enter", e, &c); err != nil || c.Refused {
		return err
	}
	w := Write{Entry: e, Naive: c.Naive, Fenced: c.Fenced}
	for n := 0; ctx.Err() == nil && (o.Forever || n < 80); n++ {
		if strings.Contains(lock, careful) {
			w.Checked = time.Now()
			if !h.holds() {
				return nil
			}
		}
		w.Naive, w.Fenced = w.Naive+1, w.Fenced+1
		var c Counters
		if err := vault.Call("Vault.Write", w, &c); err != nil || c.Refused {
			return err
		}
		time.Sleep(2*time.Millisecond + rand.N(8*time.Millisecond))
	}
	return nil
}

// names are n locks of each kind, for holders of one manner.
func names(manner string, n int) (locks []string) {
	for i := range n {
		for _, kind := range kinds {
			locks = append(locks, fmt.Sprint(kind, manner, i))
		}
	}
	return locks
}
