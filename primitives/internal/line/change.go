package line

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
)

// change rewrites the attempt's entry, which keeps its place: the value carries the version that the entry was created with. It
// returns nil once the store has the new value, errKeyGone if the entry is not there any more, or ctx's or the store's error, and then
// the value may be the old or the new one.
func (a *attempt) change(ctx context.Context, edit func(*stored)) error {
	s := a.wrote
	edit(&s)
	s.Created = a.token
	value := encode(s)
	v := a.token
	for retry := again.New(again.First, again.Most); ; {
		_, err := a.st.CasByVersion(ctx, kv.Record{Key: a.key, Value: value, Version: v})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, kv.ErrNotFound):
			return errKeyGone
		case ctx.Err() != nil, !transient(err) && !errors.Is(err, kv.ErrWrongVersion):
			return err
		}
		// Not done, or done and not known: the entry tells, for only this attempt writes to it.
		r, err := a.st.Get(ctx, a.key)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			return errKeyGone
		case err == nil && bytes.Equal(r.Value, value):
			return nil
		case err == nil && decode(r).Token != a.token:
			return errKeyGone
		case err == nil:
			v = r.Version
		case !transient(err):
			return err
		}
		if err := retry.Wait(ctx); err != nil {
			return err
		}
	}
}

// mark tells those who stand behind the attempt that its place is its own now. They may do without: who comes later sees it in the
// line, and whoever looks on through a view as well.
func (a *attempt) mark(s Sight) {
	if !a.cfg.Marks || len(s.After) == 0 {
		return
	}
	a.t.Go(func(ctx context.Context) {
		_ = a.change(ctx, func(s *stored) { s.Granted = true }) // an entry that is gone needs no mark
	})
}

// Share makes the place one that others may share, and keeps its rank in the line. The hold goes on under its token.
func (p *Place) Share(ctx context.Context) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	if err := p.Err(); err != nil {
		return err
	}
	err := p.a.change(ctx, func(s *stored) { s.Shared = true })
	if errors.Is(err, errKeyGone) && p.Err() == nil {
		p.a.lose("key gone")
	}
	return err
}

// Name marks the entry e, of whatever owner, as the one that the holder under token has chosen to be the next. The entry keeps its place, and
// its owner looks at the line. The last one marked is first. It returns false if the entry is gone. After an error the entry may be marked.
func Name(ctx context.Context, st kv.Storage, e Entry, token kv.Version) (bool, error) {
	tried := false
	for retry := again.New(again.First, again.Most); ; {
		r, err := st.Get(ctx, e.Key)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			return false, nil
		case err == nil:
			now := decode(r)
			if now.Token != e.Token {
				return false, nil
			}
			if tried && now.Heir == token {
				return true, nil // by a try whose answer was lost
			}
			tried = true
			if r.Value, err = named(r.Value, e.Token, token); err != nil {
				return false, err
			}
			_, err = st.CasByVersion(ctx, r)
		}
		switch {
		case err == nil:
			return true, nil
		case ctx.Err() != nil, !transient(err) && !errors.Is(err, kv.ErrWrongVersion) && !errors.Is(err, kv.ErrNotFound):
			return false, err
		}
		if err := retry.Wait(ctx); err != nil {
			return false, err
		}
	}
}

// named returns an entry's value with the version that it was created with and the token of who chose it, and all else as it was.
func named(v kv.Value, created, heir kv.Version) (kv.Value, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(v, &fields); err != nil {
		return nil, err
	}
	fields["created"] = json.RawMessage(strconv.FormatInt(int64(created), 10))
	fields["heir"] = json.RawMessage(strconv.FormatInt(int64(heir), 10))
	return json.Marshal(fields)
}
