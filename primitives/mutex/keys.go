package mutex

import (
	"strings"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/names"
)

// A lock's entries are at coord/lock/<name>/w/<id>; a reader's of a reader-writer lock at coord/lock/<name>/r/<id>.
const (
	base             = "coord/lock/"
	writeSide kv.Key = "w/"
)

// root is the prefix of all entries of the lock called name.
func root(name string) kv.Key { return kv.Key(base + names.Escape(name) + "/") }

// nameOf is the name of the lock that key is an entry of; false for a key that no lock of ours has made.
func nameOf(key kv.Key) (string, bool) {
	part, _, ok := strings.Cut(strings.TrimPrefix(string(key), base), "/")
	if !ok {
		return "", false
	}
	return names.Unescape(part)
}
