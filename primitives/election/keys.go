package election

import (
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/names"
)

// An election's candidates are at coord/election/<name>/c/<id>, and what is known of its leaders at coord/election/<name>/term.
const (
	base               = "coord/election/"
	candidates  kv.Key = "c/"
	termSegment kv.Key = "term"
)

// root is the prefix of all that the election called name is made of.
func root(name string) kv.Key { return kv.Key(base + names.Escape(name) + "/") }

func termKey(name string) kv.Key { return root(name) + termSegment }
