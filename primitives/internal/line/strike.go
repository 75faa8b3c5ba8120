package line

import (
	"context"
	"errors"
	"slices"

	"github.com/coordkit/coord/kv"
)

// strikeAfter is how long an entry is seen unchanged before Strike deletes it.
const strikeAfter = 2 * reuseWithin

// Strike removes the entry e, of whatever owner, and returns false if e is gone before it is struck.
//
// The contract's Delete asks for no version, and names are used again. So Strike first sees the entry at one version for two
// seconds, by when its name will never have another life: it deletes this life or nothing. It takes that long, and ctx bounds
// it; after an error that is kv.ErrUncertain the entry may be gone.
func Strike(ctx context.Context, st kv.Storage, e Entry) (bool, error) {
	for v := e.Version; ; {
		seen, cancel := context.WithTimeout(ctx, strikeAfter)
		r, err := st.WaitForVersionChange(seen, e.Key, v)
		cancel()
		switch {
		case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			r, err = st.Get(ctx, e.Key)
			if err == nil && r.Version == v {
				err = st.Delete(ctx, e.Key)
				if errors.Is(err, kv.ErrNotFound) {
					return false, nil
				}
				return err == nil, err
			}
		case err == nil && r.Key == "":
			return false, nil
		}
		switch {
		case errors.Is(err, kv.ErrNotFound):
			return false, nil
		case err != nil:
			return false, err
		case decode(r).Token != e.Token:
			return false, nil
		}
		v = r.Version // changed, and still the same life: look at it for two seconds again
	}
}

// StrikeToken removes the entry that has the token, if it holds. It returns false if there is none, or if it is gone before it is struck.
// holds tells of each of the entries whether it does; see Strike for the rest.
func StrikeToken(ctx context.Context, st kv.Storage, entries []Entry, holds []bool, token kv.Version) (bool, error) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Token == token })
	if i < 0 || !holds[i] {
		return false, nil
	}
	return Strike(ctx, st, entries[i])
}
