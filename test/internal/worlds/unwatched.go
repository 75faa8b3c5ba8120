package worlds

import "github.com/coordkit/coord/kv"

// Unwatched returns st without the capability to watch ranges. The others are there.
func Unwatched(st kv.Storage) interface {
	kv.Storage
	As(target any) bool
} {
	return unwatched{st}
}

type unwatched struct{ kv.Storage }

func (u unwatched) As(target any) bool {
	switch t := target.(type) {
	case *kv.Appender:
		return find(u.Storage, t)
	case *kv.PlaceReader:
		return find(u.Storage, t)
	}
	return false
}

func find[T any](st kv.Storage, target *T) (ok bool) {
	*target, ok = kv.As[T](st)
	return ok
}
