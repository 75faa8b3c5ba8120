package main

import (
	"fmt"
	"math"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
)

var storeRows = []row{
	{"Get", nanoseconds, overRaw(getPair)},
	{"GetRange, 100 keys", nanoseconds, overRaw(rangePair)},
	{"Create", nanoseconds, overRaw(createPair)},
	{"CAS", nanoseconds, overRaw(casPair)},
	{"Delete", nanoseconds, overRaw(deletePair)},
	{"Append", nanoseconds, overRaw(appendPair)},
	{"wake of one waiter ÷ the writer's own call", times, wake},
	{"10,000 waits on one key, until the last has returned", nanoseconds, manyWaits},
}

const etcdBlock = 25

// pair is coord's call and the client's own for the same. Each is given a number that it never gets again.
type pair struct {
	before    func(i int) // not measured
	ours, raw func(i int) error
}

var payload = make([]byte, bytesPer)

// overRaw compares a pair, each way on a client of its own.
func overRaw(make func(st *etcd.Storage, c *clientv3.Client) pair) func(s *stage) []way {
	return func(s *stage) []way {
		p := make(s.storage(), s.client())
		i := 0
		measure := func(call func(i int) error) func() block {
			return func() block {
				return samples(etcdBlock, func() float64 {
					i++
					if p.before != nil {
						p.before(i)
					}
					start := time.Now()
					check(call(i))
					return float64(time.Since(start))
				})
			}
		}
		return []way{{"coord", "", measure(p.ours)}, {"the client's call", "≤ 1.1×", measure(p.raw)}}
	}
}

func getPair(st *etcd.Storage, c *clientv3.Client) pair {
	must(c.Put(background, "get", string(payload)))
	return pair{
		ours: func(int) error { _, err := st.Get(background, "get"); return err },
		raw:  func(int) error { _, err := c.Get(background, "get"); return err },
	}
}

func rangePair(st *etcd.Storage, c *clientv3.Client) pair {
	for i := range 100 {
		must(c.Put(background, fmt.Sprintf("range/%02d", i), string(payload)))
	}
	return pair{
		ours: func(int) error { _, err := st.GetRange(background, "range/", "range/\xff"); return err },
		raw:  func(int) error { _, err := c.Get(background, "range/", clientv3.WithRange("range/\xff")); return err },
	}
}

// rawCreate is how a client creates what must be absent.
func rawCreate(c *clientv3.Client, key string, then ...clientv3.Op) error {
	resp, err := c.Txn(background).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(append(then, clientv3.OpPut(key, string(payload)))...).Else(clientv3.OpGet(key)).Commit()
	if err == nil && !resp.Succeeded {
		err = errThere
	}
	return err
}

func createPair(st *etcd.Storage, c *clientv3.Client) pair {
	return pair{
		ours: func(i int) error {
			_, err := st.Create(background, kv.Record{Key: kv.Key(fmt.Sprintf("create/%d", i)), Value: payload})
			return err
		},
		raw: func(i int) error { return rawCreate(c, fmt.Sprintf("create/%d", i)) },
	}
}

func casPair(st *etcd.Storage, c *clientv3.Client) pair {
	v := must(c.Put(background, "cas", string(payload))).Header.Revision
	return pair{
		ours: func(int) error {
			next, err := st.CasByVersion(background, kv.Record{Key: "cas", Value: payload, Version: kv.Version(v)})
			v = int64(next)
			return err
		},
		raw: func(int) error {
			resp, err := c.Txn(background).If(clientv3.Compare(clientv3.ModRevision("cas"), "=", v)).
				Then(clientv3.OpPut("cas", string(payload), clientv3.WithIgnoreLease())).Else(clientv3.OpGet("cas")).Commit()
			if err == nil && !resp.Succeeded {
				err = errVersion
			}
			if err == nil {
				v = resp.Header.Revision
			}
			return err
		},
	}
}

func deletePair(st *etcd.Storage, c *clientv3.Client) pair {
	key := func(i int) string { return fmt.Sprintf("delete/%d", i) }
	return pair{
		before: func(i int) { must(c.Put(background, key(i), string(payload))) },
		ours:   func(i int) error { return st.Delete(background, kv.Key(key(i))) },
		raw:    func(i int) error { _, err := c.Delete(background, key(i)); return err },
	}
}

// appendPair appends behind ten records.
func appendPair(st *etcd.Storage, c *clientv3.Client) pair {
	for i := range 10 {
		must(c.Put(background, fmt.Sprintf("append/queue/%d", i), string(payload)))
	}
	key := func(i int) string { return fmt.Sprintf("append/new/%d", i) }
	return pair{
		ours: func(i int) error {
			r := kv.Record{Key: kv.Key(key(i)), Value: payload}
			_, _, _, err := st.Append(background, r, "append/queue/", "append/queue/\xff")
			return err
		},
		raw: func(i int) error {
			last := append(clientv3.WithLastCreate(), clientv3.WithRange("append/queue/\xff"))
			return rawCreate(c, key(i), clientv3.OpGet("append/queue/", last...))
		},
	}
}

// wake has somebody wait on another client for what is written, and compares how long that takes with the write itself.
func wake(s *stage) []way {
	writer, c := s.storage(), s.client()
	waiter := s.storage()
	events := s.client().Watch(background, "wake/raw")
	v := must(writer.Create(background, kv.Record{Key: "wake/ours"}))
	const parked = 8 * time.Millisecond
	ours := func() float64 {
		woke := make(chan time.Time)
		go func() {
			must(waiter.WaitForVersionChange(background, "wake/ours", v))
			woke <- time.Now()
		}()
		time.Sleep(parked)
		start := time.Now()
		next := must(writer.CasByVersion(background, kv.Record{Key: "wake/ours", Version: v}))
		wrote := time.Since(start)
		took := (<-woke).Sub(start)
		v = next
		return float64(took) / float64(wrote)
	}
	raw := func() float64 {
		woke := make(chan time.Time)
		go func() {
			<-events
			woke <- time.Now()
		}()
		time.Sleep(parked)
		start := time.Now()
		must(c.Put(background, "wake/raw", ""))
		wrote := time.Since(start)
		return float64((<-woke).Sub(start)) / float64(wrote)
	}
	return []way{
		{"coord", "≤ 1.1×", func() block { return samples(etcdBlock, ours) }},
		{"the client's watch", "", func() block { return samples(etcdBlock, raw) }},
	}
}

// manyWaits compares 10,000 waits on a key with as many watches of a client, which stand from beginning to end.
func manyWaits(s *stage) []way {
	const waits = 10_000
	st, far, c := s.storage(), s.storage(), s.client()
	v := must(st.Create(background, kv.Record{Key: "many/ours", Value: payload}))
	ours := func() float64 {
		var woken sync.WaitGroup
		for range waits {
			woken.Go(func() { must(far.WaitForVersionChange(background, "many/ours", v)) })
		}
		time.Sleep(300 * time.Millisecond) // they park
		start := time.Now()
		next := must(st.CasByVersion(background, kv.Record{Key: "many/ours", Value: payload, Version: v}))
		woken.Wait()
		v = next
		return float64(time.Since(start))
	}

	var armed, told sync.WaitGroup
	watcher := s.client()
	armed.Add(waits)
	for range waits {
		go func() {
			events := watcher.Watch(background, "many/raw", clientv3.WithCreatedNotify())
			<-events
			armed.Done()
			for range events {
				told.Done()
			}
		}()
	}
	armed.Wait()
	raw := func() float64 {
		told.Add(waits)
		start := time.Now()
		must(c.Put(background, "many/raw", string(payload)))
		told.Wait()
		return float64(time.Since(start))
	}
	return []way{
		{"coord", "≤ 20 ms", func() block { return samples(1, ours) }},
		{"a watch of the client each", "", func() block { return block{values: []float64{raw()}, cost: math.NaN()} }},
	}
}
