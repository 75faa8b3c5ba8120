package count_test

import (
	"context"
	"fmt"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
)

// empty is as much of a storage as this example needs.
type empty struct{ kv.Storage }

func (empty) Get(context.Context, kv.Key) (kv.Record, error) { return kv.Record{}, kv.ErrNotFound }

// A test of what an algorithm costs.
func ExampleStorage() {
	var st *count.Storage = count.New(empty{})
	for range 3 {
		_, _ = st.Get(context.Background(), "k")
	}
	fmt.Println(st.Of(intercept.OpGet), "reads,", st.Of(intercept.OpCreate), "writes")
	fmt.Println(st.Reset(), st.Total())
	// Output:
	// 3 reads, 0 writes
	// 3 0
}
