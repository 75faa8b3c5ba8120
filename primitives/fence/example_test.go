package fence_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// Device is what the lock guards, in the process that owns it. It has a lock for its own data, and checks the token while it
// holds that.
type Device struct {
	mu      sync.Mutex
	gate    fence.Gate
	setting string
}

func (d *Device) Set(token kv.Version, setting string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.gate.Admit(token); err != nil {
		return err
	}
	d.setting = setting
	return nil
}

func ExampleGate() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	var d Device
	var tokens []kv.Version // of two holders, one after the other
	for range 2 {
		err := mutex.New(s, "device", nil).Do(ctx, func(_ context.Context, h *mutex.Held) error {
			tokens = append(tokens, h.Token())
			return d.Set(h.Token(), "on")
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("the next holder, again:", d.Set(tokens[1], "off"))
	err := d.Set(tokens[0], "on") // paused before this line, for longer than its lease
	fmt.Println("the old holder is stale:", errors.Is(err, fence.ErrStale))
	fmt.Println("setting:", d.setting)
	// Output:
	// the next holder, again: <nil>
	// the old holder is stale: true
	// setting: off
}

// A refusal tells both tokens; who sees it stops, for a later holder is at work.
func ExampleStaleError() {
	var gate fence.Gate
	gate.Reset(9)
	var stale *fence.StaleError
	if err := gate.Admit(7); errors.As(err, &stale) {
		fmt.Println(stale.Token, stale.Highest)
	}
	// Output: 7 9
}

// What no fence.Update has written is never overwritten.
func ExampleFormatError() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	if _, err := st.Create(ctx, kv.Record{Key: "bank/alice", Value: kv.Value("100")}); err != nil {
		log.Fatal(err)
	}

	err := deposit(ctx, st, 7, 20)
	var format *fence.FormatError
	fmt.Println(errors.As(err, &format), errors.Is(err, fence.ErrFormat))
	// Output: true true
}

func ExampleGate_Do() {
	var gate fence.Gate
	write := func(token kv.Version, what string) error {
		return gate.Do(context.Background(), token, func(ctx context.Context) error {
			fmt.Println("writing", what)
			return nil
		})
	}
	fmt.Println(write(7, "one"))
	fmt.Println(write(9, "two"))
	fmt.Println(write(7, "three"))
	// Output:
	// writing one
	// <nil>
	// writing two
	// <nil>
	// stale fencing token 7: 9 has been seen
}

// A process that starts anew gives the gate what was stored beside the data, so that it refuses at once what it refused before.
func ExampleGate_Reset() {
	stored := kv.Version(9)

	var gate fence.Gate
	gate.Reset(stored)
	fmt.Println(gate.Admit(7))
	fmt.Println(gate.Admit(12), gate.Highest())
	// Output:
	// stale fencing token 7: 9 has been seen
	// <nil> 12
}

// deposit adds to the balance of an account as the holder of the lock that token is of.
func deposit(ctx context.Context, st kv.Storage, token kv.Version, amount int) error {
	_, err := fence.Update(ctx, st, "bank/alice", token, func(old kv.Value) (kv.Value, error) {
		balance := 0
		if old != nil {
			if _, err := fmt.Sscan(string(old), &balance); err != nil {
				return nil, err
			}
		}
		return fmt.Append(nil, balance+amount), nil
	})
	return err
}

func ExampleUpdate() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	m := mutex.New(s, "alice", nil)
	var first kv.Version
	for _, amount := range []int{100, 20} {
		err := m.Do(ctx, func(ctx context.Context, h *mutex.Held) error {
			if first == 0 {
				first = h.Token()
			}
			return deposit(ctx, st, h.Token(), amount)
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	err := deposit(ctx, st, first, 5000) // the first holder comes back late
	fmt.Println("stale:", errors.Is(err, fence.ErrStale))

	balance, _, err := fence.Read(ctx, st, "bank/alice")
	fmt.Printf("%s %v\n", balance, err)
	// Output:
	// stale: true
	// 120 <nil>
}
