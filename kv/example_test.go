package kv_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// shelf is as much of a storage as these examples need. Real ones are in backends, which this package does not know.
type shelf struct {
	kv.Storage // nil: the rest of the methods
	records    kv.Records
	version    kv.Version
}

func (s *shelf) find(key kv.Key) int {
	return slices.IndexFunc(s.records, func(r kv.Record) bool { return r.Key == key })
}

func (s *shelf) Create(_ context.Context, r kv.Record) (kv.Version, error) {
	if i := s.find(r.Key); i >= 0 {
		return s.records[i].Version, &kv.OpError{Op: "create", Key: r.Key, Err: kv.ErrAlreadyExists}
	}
	s.version++
	r.Version = s.version
	s.records = append(s.records, r)
	return r.Version, nil
}

func (s *shelf) Get(_ context.Context, key kv.Key) (kv.Record, error) {
	if i := s.find(key); i >= 0 {
		return s.records[i], nil
	}
	return kv.Record{}, &kv.OpError{Op: "get", Key: key, Err: kv.ErrNotFound}
}

func (s *shelf) CasByVersion(_ context.Context, r kv.Record) (kv.Version, error) {
	i := s.find(r.Key)
	switch {
	case i < 0:
		return 0, &kv.OpError{Op: "cas", Key: r.Key, Err: kv.ErrNotFound}
	case s.records[i].Version != r.Version:
		return s.records[i].Version, &kv.OpError{Op: "cas", Key: r.Key, Err: kv.ErrWrongVersion}
	}
	s.version++
	s.records[i].Value, s.records[i].Version = r.Value, s.version
	return s.version, nil
}

// add adds one to a counter, whoever else does so at the same time.
func add(ctx context.Context, st kv.Storage, key kv.Key) error {
	for {
		rec, err := st.Get(ctx, key)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			_, err = st.Create(ctx, kv.Record{Key: key, Value: kv.Value("1")})
		case err == nil:
			var n int
			if _, err := fmt.Sscan(string(rec.Value), &n); err != nil {
				return err
			}
			rec.Value = fmt.Append(nil, n+1)
			_, err = st.CasByVersion(ctx, rec) // the version is that which was read
		}
		if !errors.Is(err, kv.ErrAlreadyExists) && !errors.Is(err, kv.ErrWrongVersion) && !errors.Is(err, kv.ErrNotFound) {
			return err // nil: it is done. After kv.ErrUncertain it may be done, and who must know counts under names of its own
		}
	}
}

// What is read is written back under the version that was read, so no change of anybody is lost.
func ExampleStorage() {
	ctx := context.Background()
	var st kv.Storage = &shelf{} // memory.New(nil), or etcd.Open(…)
	for range 3 {
		if err := add(ctx, st, "visits"); err != nil {
			log.Fatal(err)
		}
	}
	rec, err := st.Get(ctx, "visits")
	fmt.Printf("%s %v\n", rec.Value, err)
	// Output: 3 <nil>
}

// Every failed call says what was tried on which key, and what it is can be tested for.
func ExampleOpError() {
	_, err := (&shelf{}).Get(context.Background(), "config/level")
	fmt.Println(err)
	fmt.Println(errors.Is(err, kv.ErrNotFound))
	var failed *kv.OpError
	if errors.As(err, &failed) {
		fmt.Println(failed.Op, failed.Key)
	}
	// Output:
	// get "config/level": not found
	// true
	// get config/level
}

func ExampleKey_Validate() {
	for _, key := range []kv.Key{"config/level", "", kv.Key(strings.Repeat("x", kv.MaxKeyLen+1))} {
		err := key.Validate()
		fmt.Println(err == nil, errors.Is(err, kv.ErrInvalid), errors.Is(err, kv.ErrTooLarge))
	}
	// Output:
	// true false false
	// false true false
	// false true true
}

func ExamplePrefixRange() {
	start, end := kv.PrefixRange("config/")
	for _, key := range []kv.Key{"config", "config/level", "config/~", "config0"} {
		fmt.Println(key, start <= key && key <= end)
	}
	// Output:
	// config false
	// config/level true
	// config/~ true
	// config0 false
}

// Two programs share a store, each in a namespace of its own.
func ExampleWithPrefix() {
	ctx := context.Background()
	st := &shelf{}
	for _, program := range []kv.Key{"billing/", "search/"} {
		if _, err := kv.WithPrefix(st, program).Create(ctx, kv.Record{Key: "level"}); err != nil {
			log.Fatal(err)
		}
	}
	for _, r := range st.records {
		fmt.Println(r.Key)
	}
	// Output:
	// billing/level
	// search/level
}

// A capability is looked for, and done without where it is absent.
func ExampleAs() {
	var st kv.Storage = &shelf{}
	_, watches := kv.As[kv.RangeWatcher](st)
	_, appends := kv.As[kv.Appender](st)
	fmt.Println(watches, appends)
	// Output: false false
}

// What follows has no output: it is compiled.

// Who has joined a queue with Append waits for the one before it to go, and then asks who is before it now.
func ExamplePlaceReader() {
	var (
		ctx context.Context
		st  kv.Storage
	)
	queue, ok := kv.As[kv.Appender](st)
	places, ok2 := kv.As[kv.PlaceReader](st)
	if !ok || !ok2 {
		log.Fatal("this store has to be asked for the whole queue")
	}
	start, end := kv.PrefixRange("queue/")
	created, prev, _, err := queue.Append(ctx, kv.Record{Key: "queue/me"}, start, end)
	for err == nil && prev.Key != "" {
		if _, err = st.WaitForVersionChange(ctx, prev.Key, prev.Version); err == nil || errors.Is(err, kv.ErrNotFound) {
			_, prev, err = places.ReadPlace(ctx, "queue/me", created, start, end)
		}
	}
	if err != nil {
		log.Fatal(err) // ErrNotFound: somebody has taken us out
	}
	fmt.Println("first")
}

// A range is followed from what is there now, without a gap. (On a store that cannot, wait for the records one by one.)
func ExampleRangeWatcher() {
	var (
		ctx context.Context
		st  kv.Storage
	)
	w, ok := kv.As[kv.RangeWatcher](st)
	if !ok {
		log.Fatal("this store cannot watch a range")
	}
	config := map[kv.Key]kv.Value{}
	start, end := kv.PrefixRange("config/")
	for event, err := range w.WatchRange(ctx, start, end) {
		if err != nil {
			log.Fatal(err) // the last word: ctx is over, or the store refuses
		}
		apply(config, event)
	}
}

func apply(config map[kv.Key]kv.Value, event kv.RangeEvent) {
	if event.Reset { // the first event, and what may follow a long outage
		clear(config)
	}
	for _, r := range event.Puts {
		config[r.Key] = r.Value
	}
	for _, key := range event.Deletes {
		delete(config, key)
	}
}

// What is bound to a lease lives as long as its process, and a while.
func ExampleLease() {
	var (
		ctx context.Context
		st  kv.Storage
	)
	lease, err := st.Lessor().NewLease(ctx, 15*time.Second, true) // renewed until it is released, or the process ends
	if err != nil {
		log.Fatal(err)
	}
	if _, err := st.Create(ctx, kv.Record{Key: "seat/1", Value: kv.Value("me"), Lease: lease.Id()}); err != nil {
		log.Fatal(err)
	}
	var name kv.LeaseId = lease.Id() // by which any process finds it, for as long as it lives
	if _, err := st.Lessor().GetLease(name); errors.Is(err, kv.ErrWrongLeaseId) {
		log.Print("it is over")
	}
	if lease.TTL() <= 0 {
		log.Print("the seat may be another's by now")
	}
	if err := lease.Release(); err != nil { // the seat is free at once
		log.Print(err)
	}
}
