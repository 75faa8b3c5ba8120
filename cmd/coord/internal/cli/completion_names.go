//go:build unix

package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/cmd/coord/internal/contexts"
	"github.com/coordkit/coord/cmd/coord/internal/local"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/semaphore"
)

const (
	// completeWithin is how long a person who has pressed a key is kept waiting.
	completeWithin = time.Second
	// mostKeys is how many keys are asked for to complete one.
	mostKeys = 1000
)

// lister returns names on a store, all of them or those that begin with start.
type lister func(ctx context.Context, st kv.Storage, start string) ([]string, error)

// names returns what a lister finds and can be offered. It returns within completeWithin, with nothing if the store does not answer, whatever
// hangs: the sign-in, the file of a password. What hangs goes with the process.
func (a *app) names(ctx context.Context, list lister, start string) []string {
	ctx, cancel := context.WithTimeout(ctx, completeWithin)
	defer cancel()
	found := make(chan []string, 1)
	go func() {
		st, err := a.peek(ctx)
		if err != nil {
			found <- nil
			return
		}
		defer st.Close()
		all, _ := list(ctx, st, start)
		found <- offered(all, start)
	}()
	select {
	case names := <-found:
		return names
	case <-ctx.Done():
		return nil
	}
}

// peek opens the store that is configured, or the local one if that is running.
func (a *app) peek(ctx context.Context) (*store, error) {
	if a.Store != nil {
		return &store{Storage: a.Store}, nil
	}
	settings, err := a.settings()
	if err != nil {
		return nil, err
	}
	if len(settings.Endpoints) == 0 {
		endpoint, ok := local.Running(ctx)
		if !ok {
			return nil, errors.New("the local store is not running")
		}
		settings = etcd.Settings{Endpoints: []string{endpoint}}
	}
	settings.DialTimeout = completeWithin
	st, err := settings.Open(nil)
	if err != nil {
		return nil, err
	}
	return &store{Storage: st, closers: []func() error{st.Close}}, nil
}

// harmless says whether every shell takes a name for nothing but itself: names are others' choice, and put on the command line.
func harmless(name string) bool {
	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_./@%+,:", r) && (i == 0 || r != '=' && r != '-') {
			return false
		}
	}
	return name != "" && utf8.ValidString(name)
}

// offered are the names that begin with start and that the shell takes as they are, sorted.
func offered(names []string, start string) []string {
	var out []string
	for _, name := range names {
		if strings.HasPrefix(name, start) && harmless(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// contextNames are the contexts of the file, and none if that is a choice too.
func (a *app) contextNames(start string, none bool) []string {
	var names []string
	if none {
		names = []string{contexts.None}
	}
	if file, err := a.readContexts(); err == nil {
		names = append(names, file.Names()...)
	}
	return offered(names, start)
}

// namesOf are the names of what a package lists.
func namesOf[T any](list []T, err error, name func(T) string) ([]string, error) {
	names := make([]string, 0, len(list))
	for _, v := range list {
		names = append(names, name(v))
	}
	return names, err
}

func locks(ctx context.Context, st kv.Storage, _ string) ([]string, error) {
	list, err := mutex.List(ctx, st)
	return namesOf(list, err, func(i mutex.Info) string { return i.Name })
}

func elections(ctx context.Context, st kv.Storage, _ string) ([]string, error) {
	list, err := election.List(ctx, st)
	return namesOf(list, err, func(i election.Info) string { return i.Name })
}

func semaphores(ctx context.Context, st kv.Storage, _ string) ([]string, error) {
	list, err := semaphore.List(ctx, st)
	return namesOf(list, err, func(i semaphore.Info) string { return i.Name })
}

func services(ctx context.Context, st kv.Storage, _ string) ([]string, error) {
	list, err := registry.New(st, nil).Services(ctx)
	return namesOf(list, err, func(s *registry.Snapshot) string { return s.Service })
}

func leases(ctx context.Context, st kv.Storage, _ string) ([]string, error) {
	if e, ok := kv.As[etcdStore](st); ok {
		resp, err := e.Client().Leases(ctx)
		if err != nil {
			return nil, err
		}
		return namesOf(resp.Leases, nil, func(l clientv3.LeaseStatus) string { return leaseID(l.ID).String() })
	}
	list, err := allLeases(ctx, st)
	return namesOf(list, err, (*leaseInfo).id)
}

// keys are the keys that begin with start, cut behind the next slash: a level at a time, as files are. Etcd is asked for no values, and not
// for all keys of a large store.
func keys(ctx context.Context, st kv.Storage, start string) ([]string, error) {
	from, to := kv.PrefixRange(kv.Key(start))
	var all []string
	if e, ok := kv.As[etcdStore](st); ok {
		resp, err := e.Client().Get(ctx, cmp.Or(start, "\x00"), rangeEnd(start), clientv3.WithKeysOnly(), clientv3.WithLimit(mostKeys))
		if err != nil {
			return nil, err
		}
		for _, r := range resp.Kvs {
			all = append(all, string(r.Key))
		}
	} else {
		records, err := st.GetRange(ctx, from, to)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			all = append(all, string(r.Key))
		}
	}
	for i, key := range all {
		if n := strings.IndexByte(key[len(start):], '/'); n >= 0 {
			all[i] = key[:len(start)+n+1]
		}
	}
	return all, nil
}

// rangeEnd makes a range of etcd's all keys that begin with start.
func rangeEnd(start string) clientv3.OpOption {
	if start == "" {
		return clientv3.WithFromKey()
	}
	return clientv3.WithPrefix()
}
