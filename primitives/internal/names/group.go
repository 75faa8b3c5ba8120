package names

import (
	"strings"

	"github.com/coordkit/coord/kv"
)

// Group returns the records under base by whose they are: their keys are <base><name, escaped>/<anything>. Others, which nothing of ours has
// made, are left out. The records of each keep their order.
func Group(base string, records kv.Records) map[string]kv.Records {
	byName := make(map[string]kv.Records)
	for _, r := range records {
		part, _, ok := strings.Cut(strings.TrimPrefix(string(r.Key), base), "/")
		if !ok {
			continue
		}
		if name, ok := Unescape(part); ok {
			byName[name] = append(byName[name], r)
		}
	}
	return byName
}
