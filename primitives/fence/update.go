package fence

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
)

// Read returns the value of the fenced record at key, nil if it is empty, and the token of its last writer, with one read.
//
// It returns kv.ErrNotFound if there is no record, and a *FormatError, which is ErrFormat, if there is one that Update did not
// write. Other errors are those of kv.Storage.Get. Every error is a *kv.OpError.
func Read(ctx context.Context, st kv.Storage, key kv.Key) (value kv.Value, token kv.Version, err error) {
	u := &update{op: "fenced read", st: st, key: key}
	if st == nil {
		return nil, 0, u.fail(fmt.Errorf("%w: no storage", kv.ErrInvalid))
	}
	rec, err := u.read(ctx)
	switch {
	case err != nil:
		return nil, 0, err
	case rec.Version == 0:
		return nil, 0, u.fail(kv.ErrNotFound)
	}
	return rec.value, rec.token, nil
}

// Update replaces the value of the fenced record at key with what f makes of it, unless somebody with a higher token has
// written it before, and returns the version of its write. Comparison and write are one step: no writer, however long it was
// paused, overwrites one with a higher token. Whatever f returns, token is stored with it.
//
// An absent record is created, without a lease, and f gets nil, as it does for an empty value. f gets and returns values that
// are its caller's. It runs anew, on the new value, each time somebody else has written meanwhile, so it should do nothing but
// compute; what it returned takes effect at most once per call of Update. An error of f is returned as it is, and nothing was
// written.
//
// The errors, each a *kv.OpError: a *StaleError, which is ErrStale, if the record has a higher token; f does not run on it. A
// *FormatError, which is ErrFormat, if the record is not one that Update wrote. kv.ErrInvalid for a token that is not positive,
// for a nil st or f, and for what kv.Storage.Create says; kv.ErrTooLarge if the record, which is the value as a JSON string (as
// base64 where it is not UTF-8) and up to 1 KiB beside it, is larger than a store takes. ctx.Err(), and the store's own errors.
// Nothing was written then, unless the error is kv.ErrUncertain too.
//
// kv.ErrUncertain is the one after which something may have been. When the answer to the write is lost, Update sends the same
// write again, of which the store can take one only, and looks for it among the last writes that the record remembers: also
// when others have written since, with the same token or another, it finds out whether its own took effect. It goes on with
// that while the store is out of reach, and returns kv.ErrUncertain, with what ended the search, only if ctx ends, if the store
// refuses for another reason, if the record was deleted, or if more than 8 writes followed.
//
// The record must not be deleted while anybody holds a token: with it goes the memory of the highest one. Write an empty value
// instead.
func Update(
	ctx context.Context, st kv.Storage, key kv.Key, token kv.Version, f func(old kv.Value) (kv.Value, error),
) (kv.Version, error) {
	u := &update{op: "fenced update", st: st, key: key, token: token, attempt: rand.Text()}
	if err := u.validate(ctx, f); err != nil {
		return 0, u.fail(err)
	}
	for wait := again.New(again.First/10, again.Most); ; {
		base, err := u.read(ctx)
		if err != nil {
			return 0, err
		}
		if token < base.token {
			return 0, u.fail(&StaleError{Token: token, Highest: base.token})
		}
		value, err := f(base.value)
		if err != nil {
			return 0, err
		}
		v, err := u.write(ctx, base, value)
		switch {
		case err == nil:
			return v, nil
		case !lostRace(err):
			return 0, err
		}
		if err := wait.Wait(ctx); err != nil {
			return 0, u.fail(err)
		}
	}
}

// update is one call.
type update struct {
	op      string
	st      kv.Storage
	key     kv.Key
	token   kv.Version
	attempt string // the name of the call's write, the same on every base: at most one can take effect
}

func (u *update) fail(err error) error { return &kv.OpError{Op: u.op, Key: u.key, Err: err} }

func (u *update) validate(ctx context.Context, f func(kv.Value) (kv.Value, error)) error {
	switch {
	case u.st == nil:
		return fmt.Errorf("%w: no storage", kv.ErrInvalid)
	case f == nil:
		return fmt.Errorf("%w: nil function", kv.ErrInvalid)
	}
	return errors.Join(kv.ValidateContext(ctx), validateToken(u.token))
}

// read returns the record, the zero record if the key is absent.
func (u *update) read(ctx context.Context) (record, error) {
	r, err := u.st.Get(ctx, u.key)
	if errors.Is(err, kv.ErrNotFound) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	rec, err := decode(r)
	if err != nil {
		return record{}, u.fail(err)
	}
	return rec, nil
}

// write puts value in the place of base. An error that is lostRace says that it did not, and that no copy of the write can any
// more.
func (u *update) write(ctx context.Context, base record, value kv.Value) (kv.Version, error) {
	r := kv.Record{Key: u.key, Version: base.Version, Value: base.replace(u.token, u.attempt, value)}
	v, err := u.put(ctx, r)
	if errors.Is(err, kv.ErrUncertain) {
		return u.settle(ctx, r, err)
	}
	return v, err
}

// put replaces the record at r.Version, or creates it if that is zero.
func (u *update) put(ctx context.Context, r kv.Record) (kv.Version, error) {
	if r.Version == 0 {
		return u.st.Create(ctx, r)
	}
	return u.st.CasByVersion(ctx, r)
}

// settle finds out what became of the write of r, whose answer was lost. While the record is what it was, reading does not
// tell: the write may be on its way. So it is sent again. Both have the same base, which only one of them can replace.
func (u *update) settle(ctx context.Context, r kv.Record, lost error) (kv.Version, error) {
	for wait := again.New(again.First/10, again.Most); ; {
		now, err := u.read(ctx)
		switch {
		case err == nil && now.Version == r.Version:
			v, again := u.put(ctx, r)
			if again == nil {
				return v, nil
			}
			err = again
		case err == nil:
			v, known := now.fate(u.attempt, r.Version)
			switch {
			case !known:
				return 0, u.fail(fmt.Errorf("%w; the record no longer remembers", lost))
			case v == 0:
				return 0, u.fail(kv.ErrWrongVersion)
			}
			return v, nil
		}
		if !repeatable(err) {
			return 0, u.fail(fmt.Errorf("%w; then: %w", lost, err))
		}
		if err := wait.Wait(ctx); err != nil {
			return 0, u.fail(fmt.Errorf("%w; then: %w", lost, err))
		}
	}
}

// lostRace says that somebody else has written, created or deleted the record since it was read.
func lostRace(err error) bool {
	return errors.Is(err, kv.ErrWrongVersion) || errors.Is(err, kv.ErrAlreadyExists) || errors.Is(err, kv.ErrNotFound)
}

// repeatable says that settle may go on after err: the store was out of reach, or the record has changed.
func repeatable(err error) bool {
	return errors.Is(err, kv.ErrUnavailable) || errors.Is(err, kv.ErrUncertain) || lostRace(err)
}
