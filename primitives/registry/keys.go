package registry

import (
	"strings"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/names"
)

// A service's instances are at coord/registry/<service>/i/<id>, and its epoch at coord/registry/<service>/e: a record without a lease,
// never deleted, that is written after every change that has an author.
const (
	base                   = "coord/registry/"
	instanceSegment kv.Key = "i/"
	epochSegment    kv.Key = "e"
)

// root is the prefix of all that a service is made of.
func root(service string) kv.Key { return kv.Key(base + names.Escape(service) + "/") }

// instances is the prefix of its instances.
func instances(service string) kv.Key { return root(service) + instanceSegment }

func instanceKey(service, id string) kv.Key { return instances(service) + kv.Key(names.Escape(id)) }

func epochKey(service string) kv.Key { return root(service) + epochSegment }

// idOf returns the ID that an instance's key has; false for a key that nothing of ours has made.
func idOf(service string, key kv.Key) (string, bool) {
	part, ok := strings.CutPrefix(string(key), string(instances(service)))
	if !ok || part == "" {
		return "", false
	}
	return names.Unescape(part)
}
