package main

import (
	"context"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

// background is the ctx of what nobody cancels.
var background = context.Background()

// ours is coord's memory backend as a store.
type ours struct{ st *memory.Storage }

func newOurs() store { return ours{memory.New(nil)} }

func (o ours) get(e *entry) error {
	_, err := o.st.Get(background, kv.Key(e.key))
	return err
}

func (e *entry) record() kv.Record {
	return kv.Record{Key: kv.Key(e.key), Value: e.value, Version: kv.Version(e.version)}
}

func (o ours) create(e *entry) error {
	v, err := o.st.Create(background, e.record())
	e.version = int64(v)
	return err
}

func (o ours) cas(e *entry) error {
	v, err := o.st.CasByVersion(background, e.record())
	e.version = int64(v)
	return err
}

func (o ours) delete(e *entry) error { return o.st.Delete(background, kv.Key(e.key)) }

func (o ours) scan(from, to string) int {
	return len(must(o.st.GetRange(background, kv.Key(from), kv.Key(to))))
}

func (o ours) wait(e *entry) (func(), bool) {
	r := e.record()
	return func() { must(o.st.WaitForVersionChange(background, r.Key, r.Version)) }, true
}
