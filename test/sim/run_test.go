package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

const (
	clients    = 3
	perClient  = 2                // workers
	trouble    = 12 * time.Second // how long a run goes wrong
	recovery   = 30 * time.Second // within which everybody gets everything, once nothing goes wrong any more
	quiet      = 40 * time.Second // after which nothing is left; what clears away in the background comes back every 30 s at least
	everything = 1 << 20          // what who holds alone takes

	pauseAtMost = 400 * time.Millisecond // how long most work between two writes
)

// kind is what a run can find wrong.
type kind string

const (
	twoHolders kind = "two hold what one may"
	overLimit  kind = "more is held than the limit"
	oldToken   kind = "a token is not greater than those before"
	oldTerm    kind = "a term is not after the last"
	staleWrite kind = "a resource took a stale write, or refused its holder"
	starved    kind = "somebody waits for ever"
	viewWrong  kind = "a view differs from the store"
	vanished   kind = "an instance that lives has vanished"
	leftBehind kind = "something is left behind"
	wrongError kind = "an error that nothing explains"
)

// config is what a run is made with, beside its seed.
type config struct {
	pure    bool                                   // the store has no capabilities
	ungated bool                                   // the resources admit everybody
	plant   func(r *run, st kv.Storage) kv.Storage // a fault of the store that a run must find
	meddle  func(r *run)                           // another, which is called now and then, on the driver
	trace   bool
}

// run is one simulation.
type run struct {
	cfg      config
	wire     *wire
	rates    rates
	store    *memory.Storage // the store itself, over no way
	clients  []*client
	workers  []*worker
	members  int // those, and others like them
	locks    []*guarded
	chair    *guarded // the election
	room     *judge   // the semaphore
	truth    *truth
	observed []*observer
	granted  []kv.LeaseId // all leases; the driver's
	bad      atomic.Bool  // it goes wrong still
	underWay atomic.Int64 // calls, waits and watches

	mu      sync.Mutex
	revoked map[kv.LeaseId]bool // leases that were taken away by force, of which a holder cannot know before the next one holds
	faults  []string
	kinds   map[kind]string // the first of each kind
}

// simulate makes one run, in a bubble, and returns it when it is over.
func simulate(t *testing.T, seed uint64, cfg config) *run {
	cryptotest.SetGlobalRandom(t, seed)
	r := newRun(seed, cfg)
	defer r.store.Close()
	bad, heals := context.WithCancel(t.Context())
	defer heals()
	whole, cancel := context.WithTimeout(t.Context(), trouble+recovery)
	defer cancel()
	watching, blind := context.WithCancel(t.Context())
	defer blind()

	var work, watch sync.WaitGroup
	for _, w := range r.workers {
		work.Go(func() { w.work(w.apart(bad), whole) })
	}
	var registrars []*registrar
	watch.Go(func() { r.truth.follow(watching) })
	for i, c := range r.clients {
		g := &registrar{member: c.newMember(), id: c.name, dice: rand.New(rand.NewPCG(seed, uint64(1000+i)))}
		registrars = append(registrars, g)
		work.Go(func() { g.work(g.apart(bad)) })
		v, o := c.reg.View(service), r.observed[i]
		watch.Go(func() { c.follow(v) })
		watch.Go(func() { o.observe(watching, c) })
	}
	r.bad.Store(true)
	r.disturb()
	r.wire.drive(trouble, nil)

	r.heal()
	heals()
	r.await(&work, recovery+10*time.Second)
	r.wire.drive(quiet, nil)
	r.judge(registrars)

	blind()
	r.close(&watch)
	return r
}

// newRun makes a store, its clients and what they share.
func newRun(seed uint64, cfg config) *run {
	var tr *trace
	if cfg.trace {
		tr = newTrace()
	}
	r := &run{
		cfg: cfg, wire: newWire(seed, tr), store: memory.New(nil), kinds: map[kind]string{}, revoked: map[kv.LeaseId]bool{},
		rates: rates{refused: 0.03, requestLost: 0.03, answerLost: 0.03, late: 0.03},
	}
	r.truth = newTruth(r)
	r.locks = []*guarded{r.guarded("a", everything), r.guarded("b", everything)}
	r.chair = r.guarded("e", 1)
	r.room = &judge{r: r, name: "s", kind: overLimit, limit: int64(1 + seed%4)}
	for n := range clients {
		c := r.newClient(n)
		r.clients = append(r.clients, c)
		r.observed = append(r.observed, &observer{})
		for i := range perClient {
			dice := rand.New(rand.NewPCG(seed, uint64(1+n*perClient+i)))
			r.workers = append(r.workers, &worker{member: c.newMember(), id: fmt.Sprintf("%s.%d", c.name, i), dice: dice})
		}
	}
	return r
}

func (r *run) guarded(name string, limit int64) *guarded {
	g := &guarded{name: name, judge: &judge{r: r, name: name, kind: twoHolders, limit: limit}, res: &resource{r: r, name: name}}
	if !r.cfg.ungated {
		g.res.gate = new(fence.Gate)
	}
	return g
}

// fail notes what is wrong.
func (r *run) fail(k kind, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprintf("%s: %s", k, fmt.Sprintf(format, args...))
	if _, known := r.kinds[k]; !known {
		r.kinds[k] = text
	}
	if len(r.faults) < 10 {
		r.faults = append(r.faults, text)
	}
}

func (r *run) isRevoked(id kv.LeaseId) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked[id]
}

// await drives until the work is done, or for so long: then it is stuck.
func (r *run) await(work *sync.WaitGroup, long time.Duration) {
	var done atomic.Bool
	go func() {
		work.Wait()
		done.Store(true)
		r.wire.post("done", func() {})
	}()
	if !r.wire.drive(long, done.Load) {
		r.fail(starved, "not done %v after the faults", long)
	}
}

// grants is how many holds, and snapshots, were checked.
func (r *run) grants() int {
	return r.locks[0].judge.grants + r.locks[1].judge.grants + r.chair.judge.grants + r.room.grants
}
