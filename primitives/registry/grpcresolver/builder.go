package grpcresolver

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// Scheme is the scheme of the targets that are resolved here.
const Scheme = "coord"

// What Options mean where they say nothing.
const (
	DefaultFailAfter    = 2 * time.Second
	DefaultRefreshEvery = 30 * time.Second
)

// Options are the settings of a Builder. Nil and zero fields mean the defaults.
type Options struct {
	// Filters choose the instances, beside what the target says.
	Filters []registry.Filter
	// FailAfter is how long calls wait for the first answer of a store that says nothing at all, before they fail; default
	// DefaultFailAfter. One that says that it fails makes them fail at once.
	FailAfter time.Duration
	// RefreshEvery is the least time between two reads of the whole set because gRPC asks for one, as it does whenever a
	// connection is lost; default DefaultRefreshEvery. Changes are seen without it.
	RefreshEvery time.Duration
}

// Builder makes resolvers of the scheme "coord". It is safe for concurrent use, and one serves any number of connections.
type Builder struct {
	r    *registry.Registry
	opts Options
}

var _ resolver.Builder = (*Builder)(nil)

// New returns a builder on r, for grpc.WithResolvers. It need not be registered with gRPC. Close its connections before r: one
// whose registry is closed hears of no change any more.
func New(r *registry.Registry, opts *Options) *Builder {
	b := &Builder{r: r}
	if opts != nil {
		b.opts = *opts
	}
	b.opts.FailAfter = cmp.Or(b.opts.FailAfter, DefaultFailAfter)
	b.opts.RefreshEvery = cmp.Or(b.opts.RefreshEvery, DefaultRefreshEvery)
	return b
}

// Scheme returns [Scheme].
func (b *Builder) Scheme() string { return Scheme }

// Build returns a resolver of the target, for gRPC. It does no I/O. It returns kv.ErrInvalid for a target that is none, see the
// package comment, and for settings out of bounds.
func (b *Builder) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	t, err := parseTarget(target)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: target %q: %w", kv.ErrInvalid, target.URL.String(), err)
	case b.r == nil:
		return nil, fmt.Errorf("%w: resolver without a registry", kv.ErrInvalid)
	case b.opts.FailAfter < 0 || b.opts.RefreshEvery < 0:
		return nil, fmt.Errorf("%w: resolver with a negative time", kv.ErrInvalid)
	}
	t.filters = append(t.filters, b.opts.Filters...)
	ctx, cancel := context.WithCancel(context.Background())
	w := &watcher{
		target: t, view: b.r.View(t.service), cc: cc, cancel: cancel, opts: b.opts, asked: make(chan struct{}, 1),
	}
	w.work.Go(func() { w.watch(ctx) })
	w.work.Go(func() { w.refresh(ctx) })
	return w, nil
}
