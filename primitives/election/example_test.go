package election_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/election/health"
	"github.com/coordkit/coord/primitives/session"
)

func Example() {
	ctx := context.Background()
	st := memory.New(nil) // on etcd: etcd.Open([]string{"http://localhost:2379"}, nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	e := election.New(s, "scheduler", &election.Options{ID: "node-1"})
	err := e.Run(ctx, func(ctx context.Context, t *election.Term) error {
		fmt.Printf("%s leads term %d\n", t.ID(), t.Number())
		return nil // the work is done; a service would work until ctx ends
	})
	fmt.Println("Run:", err)
	// Output:
	// node-1 leads term 1
	// Run: <nil>
}

func ExampleElection_Campaign() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	term, err := election.New(s, "scheduler", nil).Campaign(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer term.Resign(ctx)

	ctx = term.Context(ctx) // ends when the term does
	fmt.Println("term", term.Number(), "lasts:", ctx.Err() == nil)
	// Output: term 1 lasts: true
}

func ExampleObserve() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	e := election.New(s, "scheduler", &election.Options{ID: "node-1", Value: []byte("10.0.0.1:8080")})
	var term *election.Term
	for leader, err := range election.Observe(ctx, st, "scheduler") {
		switch {
		case err != nil:
			log.Fatal(err)
		case !leader.Vacant:
			fmt.Printf("%s leads, at %s\n", leader.ID, leader.Value)
			_ = term.Resign(ctx)
			continue
		case leader.Number == 0:
			fmt.Println("nobody has ever led")
			term, _ = e.Campaign(ctx)
			continue
		}
		fmt.Println("nobody leads after term", leader.Number)
		break
	}
	// Output:
	// nobody has ever led
	// node-1 leads, at 10.0.0.1:8080
	// nobody leads after term 1
}

func ExampleInspect() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	if _, err := election.New(s, "scheduler", &election.Options{ID: "node-1"}).Campaign(ctx); err != nil {
		log.Fatal(err)
	}
	var info election.Info
	info, err := election.Inspect(ctx, st, "scheduler")
	if err != nil {
		log.Fatal(err)
	}
	var next []election.Candidate = info.Candidates // in the order in which they would be elected
	fmt.Println(info.Leader.ID, "leads,", len(next), "stand")
	// Output: node-1 leads, 0 stand
}

// A term record that cannot be read is not guessed at: nobody is elected over it until somebody has mended it.
func ExampleRecordError() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	if _, err := st.Create(ctx, kv.Record{Key: "coord/election/scheduler/term", Value: kv.Value("?")}); err != nil {
		log.Fatal(err)
	}

	_, err := election.Leader(ctx, st, "scheduler")
	var record *election.RecordError
	if errors.As(err, &record) {
		fmt.Println(record.Key)
	}
	// Output: coord/election/scheduler/term
}

// What follows has no output: it is compiled, and shown in docs/election.md.

func work(ctx context.Context, token kv.Version) error { return ctx.Err() }

func server(ctx context.Context, st kv.Storage) error {
	s := session.New(st, &session.Options{TTL: 15 * time.Second})
	defer s.Close(ctx)

	e := election.New(s, "scheduler", &election.Options{ID: "node-1", Value: []byte("10.0.0.1:8080")})
	http.Handle("/livez", health.Handler(e, 20*time.Second))

	return e.Run(ctx, func(ctx context.Context, t *election.Term) error {
		return work(ctx, t.Token()) // must return soon after ctx ends
	})
}

func follow(ctx context.Context, st kv.Storage) error {
	for leader, err := range election.Observe(ctx, st, "scheduler") {
		if err != nil {
			return err // the last word: ctx is over, or the store has refused
		}
		if leader.Vacant {
			fmt.Println("nobody leads")
			continue
		}
		fmt.Printf("%s leads at %s, token %d\n", leader.ID, leader.Value, leader.Token)
	}
	return nil
}

func drain(ctx context.Context, t *election.Term) error {
	return t.Transfer(ctx, "node-2") // ErrNoCandidate if it does not stand, and the term goes on
}

var _ = []any{server, follow, drain}
