// Package fields keeps what a writer does not know of an object on the store: the fields that a later version, another language or a hand
// has put there.
package fields

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/coordkit/coord/kv"
)

// Known are the names of the fields that a writer knows.
type Known []string

// Of returns the names that the fields of the struct T have in JSON.
func Of[T any]() Known {
	var names Known
	for f := range reflect.TypeFor[T]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// has reports whether a field is known, or would be taken for one when it is read: package json ignores case.
func (k Known) has(field string) bool {
	for _, name := range k {
		if strings.EqualFold(name, field) {
			return true
		}
	}
	return false
}

// Merge returns own, an object with known fields, with those of stored added that are not known. They are left out if there would be no
// room in a record for them all, for they must not keep a writer from writing: written again they may be longer than they were. It returns
// an error if one of the two is no object. An empty stored has no fields.
func (k Known) Merge(own, stored kv.Value) (kv.Value, error) {
	if len(stored) == 0 {
		return own, nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(stored, &all); err != nil {
		return nil, err
	}
	for name := range all {
		if k.has(name) {
			delete(all, name)
		}
	}
	if len(all) == 0 {
		return own, nil
	}
	if err := json.Unmarshal(own, &all); err != nil {
		return nil, err
	}
	merged, err := json.Marshal(all)
	if err == nil && len(merged) > kv.MaxValueLen {
		return own, nil
	}
	return merged, err
}
