package instrument_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/instrument"
	"github.com/coordkit/coord/kv/intercept"
)

// empty is as much of a storage as this example needs.
type empty struct{ kv.Storage }

func (empty) Get(context.Context, kv.Key) (kv.Record, error) { return kv.Record{}, kv.ErrNotFound }

// That a record is not there is an answer, and no failure of the store.
func ExampleHook() {
	failures := map[string]int{}
	calls := map[string]int{}
	var hook instrument.Hook = func(ctx context.Context, c intercept.Call) (context.Context, instrument.End) {
		calls[c.Op]++ // in a program: under a lock, for many call at once
		return ctx, func(err error, took time.Duration) {
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				failures[c.Op]++
			}
		}
	}
	st := instrument.Wrap(empty{}, hook)
	_, _ = st.Get(context.Background(), "k")
	fmt.Println(calls, failures)
	// Output: map[get:1] map[]
}
