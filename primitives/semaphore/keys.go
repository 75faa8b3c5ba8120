package semaphore

import (
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/names"
)

// A semaphore's entries are at coord/semaphore/<name>/q/<id>, and its limit at coord/semaphore/<name>/limit.
const (
	base                = "coord/semaphore/"
	queueSegment kv.Key = "q/"
	limitSegment kv.Key = "limit"
)

// root is the prefix of all that the semaphore called name is made of.
func root(name string) kv.Key { return kv.Key(base + names.Escape(name) + "/") }

// queue is the prefix of its entries.
func queue(name string) kv.Key { return root(name) + queueSegment }

func limitKey(name string) kv.Key { return root(name) + limitSegment }
