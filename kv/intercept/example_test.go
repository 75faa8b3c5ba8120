package intercept_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
)

// empty is as much of a storage as this example needs.
type empty struct{ kv.Storage }

func (empty) Get(_ context.Context, key kv.Key) (kv.Record, error) {
	return kv.Record{}, kv.ErrNotFound
}
func (empty) Delete(context.Context, kv.Key) error { return nil }

// A storage that is read only: what would write is refused, and everything else goes through.
func ExampleWrap() {
	ctx := context.Background()
	errReadOnly := errors.New("read only")
	var readOnly intercept.Interceptor = func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		if c.Writes() {
			return errReadOnly
		}
		return do(ctx)
	}

	var st *intercept.Storage = intercept.Wrap(empty{}, readOnly)
	_, err := st.Get(ctx, "k")
	fmt.Println(err)
	fmt.Println(st.Delete(ctx, "k"))
	// Output:
	// get "k": not found
	// delete "k": read only
}
