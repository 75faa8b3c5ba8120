// Command config follows its configuration in the store: a log level in a record of its own, and flags in a range. What changes there
// is in effect a moment later, and nothing is asked for again and again.
//
//	go run ./examples/config
//
// runs it on memory, where it plays the operator, too. With COORD_ENDPOINTS set it runs on that etcd, and you are the operator:
//
//	export COORD_ENDPOINTS=http://localhost:2379
//	go run ./examples/config &
//	coord kv put examples/config/level debug
//	coord kv put examples/config/flags/new-search on
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

const (
	levelKey    = "examples/config/level"
	flagsPrefix = "examples/config/flags/"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

// storage is a backend, which is closed by who opened it.
type storage interface {
	kv.Storage
	Close() error
}

func open() (st storage, own bool, err error) {
	if os.Getenv("COORD_ENDPOINTS") == "" && os.Getenv("ETCDCTL_ENDPOINTS") == "" {
		return memory.New(nil), true, nil
	}
	st, err = etcd.OpenEnv(nil)
	return st, false, err
}

// run follows until ctx ends, waits for its followers, and closes the way to the store after them.
func run(ctx context.Context) (err error) {
	st, own, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	ctx, cancel := context.WithCancelCause(ctx) // one that fails ends the others
	defer cancel(nil)

	var followers sync.WaitGroup
	start := func(f func(context.Context, kv.Storage) error) {
		followers.Go(func() {
			if err := f(ctx, st); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	start(followLevel)
	start(followFlags)
	if own {
		start(operate)
	}
	followers.Wait()
	fmt.Println("nothing is followed any more")
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// level is that of a program's logger: slog.HandlerOptions{Level: &level}.
var level slog.LevelVar

func followLevel(ctx context.Context, st kv.Storage) error {
	return followRecord(ctx, st, levelKey, kv.Value("info"), func(v kv.Value) {
		if err := level.UnmarshalText(v); err != nil {
			fmt.Println("level: what is stored is none, so it stays", level.Level()) // a typing error must not end the program
			return
		}
		fmt.Println("level:", level.Level())
	})
}

func followFlags(ctx context.Context, st kv.Storage) error {
	return followRange(ctx, st, flagsPrefix, func(flags map[kv.Key]kv.Value) {
		fmt.Println("flags:", slices.Sorted(maps.Keys(flags)))
	})
}
