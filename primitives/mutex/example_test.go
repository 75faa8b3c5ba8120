package mutex_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func Example() {
	ctx := context.Background()
	st := memory.New(nil) // on etcd: etcd.Open([]string{"http://localhost:2379"}, nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	err := mutex.New(s, "nightly-report", nil).Do(ctx, func(ctx context.Context, h *mutex.Held) error {
		fmt.Println("alone:", ctx.Err() == nil) // ctx ends if the lock is lost
		return nil                              // h.Token() goes along with what is written
	})
	fmt.Println("Do:", err)
	// Output:
	// alone: true
	// Do: <nil>
}

func ExampleMutex_Lock() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	held, err := mutex.New(s, "nightly-report", nil).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	work := held.Context(ctx) // ends with the lock
	fmt.Println(held.Name(), work.Err(), held.Err())

	// Unlock tells whether the lock was held until now: then everything that was done under it was done alone.
	fmt.Println("Unlock:", held.Unlock(ctx))
	// Output:
	// nightly-report <nil> <nil>
	// Unlock: <nil>
}

// Who has the lock is told, so that a program can tell its user.
func ExampleMutex_TryLock() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	holder := session.New(st, &session.Options{Owner: session.Owner{Name: "ci-7", Program: "make"}})
	defer holder.Close(ctx)
	s := session.New(st, nil)
	defer s.Close(ctx)
	if _, err := mutex.New(holder, "deploy", &mutex.Options{Note: "release 1.4"}).Lock(ctx); err != nil {
		log.Fatal(err)
	}

	_, err := mutex.New(s, "deploy", nil).TryLock(ctx)
	var locked *mutex.LockedError
	if errors.As(err, &locked) {
		fmt.Printf("%v holds it: %s\n", locked.Holder, locked.Holder.Note)
	}
	// Output: ci-7 (make) holds it: release 1.4
}

// Readers share it, and who holds it for writing may let readers in without letting go.
func ExampleRWMutex() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)
	index := mutex.NewRW(s, "index", nil)

	writer, err := index.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	_, err = index.TryRLock(ctx)
	fmt.Println("reader beside a writer:", errors.Is(err, mutex.ErrLocked))

	if err := writer.Downgrade(ctx); err != nil {
		log.Fatal(err)
	}
	reader, err := index.RLock(ctx)
	fmt.Println("reader beside a reader:", reader.Shared(), writer.Shared(), err)
	// Output:
	// reader beside a writer: true
	// reader beside a reader: true true <nil>
}

// Several locks are taken in the order of their names, so that two that want the same ones never wait for each other in a circle.
func ExampleLockAll() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	var all *mutex.All
	all, err := mutex.LockAll(ctx, mutex.New(s, "bob", nil), mutex.New(s, "alice", nil))
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range all.Held() {
		fmt.Println(h.Name())
	}
	fmt.Println(all.Err(), all.Unlock(ctx))
	// Output:
	// alice
	// bob
	// <nil> <nil>
}

// An operator sees who holds a lock and who waits, and needs no session for it.
func ExampleInspect() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, &session.Options{Owner: session.Owner{Name: "ci-7"}})
	defer s.Close(ctx)
	if _, err := mutex.New(s, "deploy", nil).Lock(ctx); err != nil {
		log.Fatal(err)
	}

	var info mutex.Info
	info, err := mutex.Inspect(ctx, st, "deploy")
	var holder mutex.Entry = info.Holders[0]
	fmt.Println(holder.Owner.Name, len(info.Queue), err)

	// Every error of the package says what was tried on which lock.
	_, err = mutex.Inspect(ctx, st, "")
	var failed *mutex.Error
	fmt.Println(errors.As(err, &failed), failed.Op)
	// Output:
	// ci-7 0 <nil>
	// true inspect
}
