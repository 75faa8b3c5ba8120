package main

import (
	"context"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
)

// operate plays the operator, where there is none: memory is this process's own.
func operate(ctx context.Context, st kv.Storage) error {
	for _, step := range []struct {
		say string
		do  func() error
	}{
		{"create flags/new-search", func() error {
			_, err := st.Create(ctx, kv.Record{Key: flagsPrefix + "new-search", Value: kv.Value("on")})
			return err
		}},
		{"put level debug", func() error { return put(ctx, st, levelKey, "debug") }},
		{"put level dbug", func() error { return put(ctx, st, levelKey, "dbug") }},
		{"delete flags/new-search", func() error { return st.Delete(ctx, flagsPrefix+"new-search") }},
		{"delete level", func() error { return st.Delete(ctx, levelKey) }},
	} {
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		fmt.Println("operator:", step.say)
		if err := step.do(); err != nil {
			return err
		}
	}
	return nil
}

// put replaces what is at the key, of which there is something.
func put(ctx context.Context, st kv.Storage, key kv.Key, value string) error {
	rec, err := st.Get(ctx, key)
	if err != nil {
		return err
	}
	rec.Value = kv.Value(value)
	_, err = st.CasByVersion(ctx, rec)
	return err
}
