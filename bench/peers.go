package main

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/google/btree"
	"github.com/hashicorp/go-memdb"
	"github.com/tidwall/buntdb"
)

var (
	errThere   = errors.New("it is there")
	errAbsent  = errors.New("it is not there")
	errVersion = errors.New("wrong version")
)

// memDB is go-memdb as a store. What is in it is never written to again, as go-memdb asks, so that a CAS makes a new one.
type memDB struct{ db *memdb.MemDB }

type memRecord struct {
	Key     string
	value   []byte
	version int64
}

func newMemDB() store {
	return memDB{must(memdb.NewMemDB(&memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
		"kv": {Name: "kv", Indexes: map[string]*memdb.IndexSchema{
			"id": {Name: "id", Unique: true, Indexer: &memdb.StringFieldIndex{Field: "Key"}},
		}},
	}}))}
}

func (m memDB) get(e *entry) error {
	got, err := m.db.Txn(false).First("kv", "id", e.key)
	if err == nil && got == nil {
		err = errAbsent
	}
	return err
}

// write changes a record in a transaction. f gets the present one, nil if there is none.
func (m memDB) write(e *entry, f func(txn *memdb.Txn, now *memRecord) error) error {
	txn := m.db.Txn(true)
	defer txn.Abort()
	got, err := txn.First("kv", "id", e.key)
	if err != nil {
		return err
	}
	now, _ := got.(*memRecord)
	if err := f(txn, now); err != nil {
		return err
	}
	txn.Commit()
	return nil
}

func (m memDB) put(txn *memdb.Txn, e *entry) error {
	e.version++
	return txn.Insert("kv", &memRecord{e.key, e.value, e.version})
}

func (m memDB) create(e *entry) error {
	return m.write(e, func(txn *memdb.Txn, now *memRecord) error {
		if now != nil {
			return errThere
		}
		return m.put(txn, e)
	})
}

func (m memDB) cas(e *entry) error {
	return m.write(e, func(txn *memdb.Txn, now *memRecord) error {
		if now == nil || now.version != e.version {
			return errVersion
		}
		return m.put(txn, e)
	})
}

func (m memDB) delete(e *entry) error {
	return m.write(e, func(txn *memdb.Txn, now *memRecord) error {
		if now == nil {
			return errAbsent
		}
		return txn.Delete("kv", now)
	})
}

func (m memDB) scan(from, to string) (n int) {
	it := must(m.db.Txn(false).LowerBound("kv", "id", from))
	for r := it.Next(); r != nil && r.(*memRecord).Key <= to; r = it.Next() {
		n++
	}
	return n
}

func (m memDB) wait(e *entry) (func(), bool) {
	changed, _, err := m.db.Txn(false).FirstWatch("kv", "id", e.key)
	check(err)
	ws := memdb.NewWatchSet()
	ws.Add(changed)
	return func() { ws.Watch(nil) }, true
}

// bunt is buntdb as a store, in memory. The version comes first in its value.
type bunt struct{ db *buntdb.DB }

func newBunt() store { return bunt{must(buntdb.Open(":memory:"))} }

func (b bunt) get(e *entry) error {
	return b.db.View(func(tx *buntdb.Tx) error {
		_, err := tx.Get(e.key)
		return err
	})
}

func (b bunt) put(tx *buntdb.Tx, e *entry) error {
	value := append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(e.value)), uint64(e.version+1)), e.value...)
	_, _, err := tx.Set(e.key, string(value), nil)
	e.version++
	return err
}

func (b bunt) create(e *entry) error {
	return b.db.Update(func(tx *buntdb.Tx) error {
		if _, err := tx.Get(e.key); !errors.Is(err, buntdb.ErrNotFound) {
			return errThere
		}
		return b.put(tx, e)
	})
}

func (b bunt) cas(e *entry) error {
	return b.db.Update(func(tx *buntdb.Tx) error {
		now, err := tx.Get(e.key)
		if err != nil || int64(binary.BigEndian.Uint64([]byte(now[:8]))) != e.version {
			return errVersion
		}
		return b.put(tx, e)
	})
}

func (b bunt) delete(e *entry) error {
	return b.db.Update(func(tx *buntdb.Tx) error {
		_, err := tx.Delete(e.key)
		return err
	})
}

func (b bunt) scan(from, to string) (n int) {
	check(b.db.View(func(tx *buntdb.Tx) error {
		return tx.AscendGreaterOrEqual("", from, func(key, _ string) bool {
			if key > to {
				return false
			}
			n++
			return true
		})
	}))
	return n
}

func (bunt) wait(*entry) (func(), bool) { return nil, false }

// plain is what one writes in an hour: a tree under a lock, and values that are not copied. A waiter waits for a channel.
type plain struct {
	mu   sync.RWMutex
	tree *btree.BTreeG[*plainItem]
}

type plainItem struct {
	key     string
	value   []byte
	version int64
	changed chan struct{} // nil while nobody waits
}

func newPlain() store {
	return &plain{tree: btree.NewG(32, func(a, b *plainItem) bool { return a.key < b.key })}
}

func (p *plain) get(e *entry) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if it, ok := p.tree.Get(&plainItem{key: e.key}); ok {
		_ = it.value
		return nil
	}
	return errAbsent
}

func (p *plain) create(e *entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tree.Has(&plainItem{key: e.key}) {
		return errThere
	}
	e.version++
	p.tree.ReplaceOrInsert(&plainItem{key: e.key, value: e.value, version: e.version})
	return nil
}

func (p *plain) cas(e *entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	it, ok := p.tree.Get(&plainItem{key: e.key})
	if !ok || it.version != e.version {
		return errVersion
	}
	e.version++
	it.value, it.version = e.value, e.version
	if it.changed != nil {
		close(it.changed)
		it.changed = nil
	}
	return nil
}

func (p *plain) delete(e *entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.tree.Delete(&plainItem{key: e.key}); !ok {
		return errAbsent
	}
	return nil
}

func (p *plain) scan(from, to string) (n int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var found []plainItem
	p.tree.AscendGreaterOrEqual(&plainItem{key: from}, func(it *plainItem) bool {
		if it.key > to {
			return false
		}
		found = append(found, *it)
		return true
	})
	return len(found)
}

func (p *plain) wait(e *entry) (func(), bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it, _ := p.tree.Get(&plainItem{key: e.key})
	if it.changed == nil {
		it.changed = make(chan struct{})
	}
	changed := it.changed
	return func() { <-changed }, true
}
