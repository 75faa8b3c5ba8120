package linear

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
)

// world is what the clients of one history share.
type world struct {
	prefix  kv.Key
	start   time.Time
	patient time.Duration // how long a call's ctx may last at most; zero is for ever
	values  atomic.Int64  // how many were given

	mu     sync.Mutex
	leases []kv.LeaseId // by number, from 1
}

// maxLeases is how many a history numbers.
const maxLeases = 63

func newWorld(prefix kv.Key, patient time.Duration) *world {
	return &world{prefix: prefix, start: time.Now(), patient: patient}
}

func (w *world) key(n int) kv.Key { return w.prefix + kv.Key(keyName(n)) }

func (w *world) number(key kv.Key) int {
	name, ok := strings.CutPrefix(string(key), string(w.prefix))
	if ok && len(name) == 1 && name[0] >= 'a' && name[0] < 'a'+keys {
		return int(name[0] - 'a')
	}
	return -1
}

// enlist numbers a lease; zero if there are too many.
func (w *world) enlist(id kv.LeaseId) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.leases) == maxLeases {
		return 0
	}
	w.leases = append(w.leases, id)
	return len(w.leases)
}

// pick returns a lease that was alive not long ago, or none.
func (w *world) pick(dice *rand.Rand) (number int, id kv.LeaseId) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.leases) - dice.IntN(8)
	if n < 1 {
		return 0, kv.NoLeaseId
	}
	return n, w.leases[n-1]
}

// neighbour is a record that an answer names beside its own, or none.
func (w *world) neighbour(r kv.Record) neighbour {
	if r.Version == 0 {
		return neighbour{key: nobody}
	}
	return neighbour{key: w.number(r.Key), rec: w.see(r)}
}

// see turns a record into what the model knows. A value or a lease that is none of the history's fits nothing in it.
func (w *world) see(r kv.Record) seen {
	s := seen{value: -1, version: r.Version}
	if n, err := strconv.Atoi(string(r.Value)); err == nil {
		s.value = n
	}
	if r.Lease == kv.NoLeaseId {
		return s
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.lease = -1
	for i, id := range w.leases {
		if id == r.Lease {
			s.lease = i + 1
		}
	}
	return s
}
