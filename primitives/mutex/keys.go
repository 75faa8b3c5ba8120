package mutex

import (
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/names"
)

// A lock's entries are at coord/lock/<name>/w/<id> for who writes and coord/lock/<name>/r/<id> for who reads. What holders with a
// delay leave for the next is at coord/lockdelay/<name>/<token>.
const (
	base             = "coord/lock/"
	delayBase        = "coord/lockdelay/"
	writeSide kv.Key = "w/"
	readSide  kv.Key = "r/"
)

// root is the prefix of all entries of the lock called name.
func root(name string) kv.Key { return kv.Key(base + names.Escape(name) + "/") }

// delays is the prefix of what holders of the lock leave for the next.
func delays(name string) kv.Key { return kv.Key(delayBase + names.Escape(name) + "/") }
