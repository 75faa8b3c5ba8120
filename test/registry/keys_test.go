package registry

import (
	"net/url"
	"strings"

	"github.com/coordkit/coord/kv"
)

// The keys, as docs specify them: written here once more, so that they cannot change unnoticed.
func prefixOf(service string) kv.Key {
	escaped := strings.ReplaceAll(url.QueryEscape(service), "+", "%20")
	return kv.Key("coord/registry/" + escaped + "/i/")
}

func keyOf(service, id string) kv.Key { return prefixOf(service) + kv.Key(url.QueryEscape(id)) }

func epochKey(service string) kv.Key {
	return kv.Key(strings.TrimSuffix(string(prefixOf(service)), "i/") + "e")
}
