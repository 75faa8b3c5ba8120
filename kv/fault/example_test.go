package fault_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
)

// counter is as much of a storage as this example needs.
type counter struct {
	kv.Storage
	created int
}

func (c *counter) Create(context.Context, kv.Record) (kv.Version, error) {
	c.created++
	return kv.Version(c.created), nil
}

// The answer to a write is lost: the caller cannot know that it was made.
func ExampleStorage() {
	var below counter
	var st *fault.Storage = fault.New(&below, 1, fault.Faults{AnswerLost: 1})
	_, err := st.Create(context.Background(), kv.Record{Key: "k"})
	fmt.Println(errors.Is(err, kv.ErrUncertain), below.created)

	st.Set(fault.Faults{RequestLost: 1})
	_, err = st.Create(context.Background(), kv.Record{Key: "l"})
	fmt.Println(errors.Is(err, kv.ErrUncertain), below.created)

	st.Heal()
	_, err = st.Create(context.Background(), kv.Record{Key: "m"})
	fmt.Println(err, below.created)
	// Output:
	// true 1
	// true 1
	// <nil> 2
}
