package fence_test

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

const (
	saveSQL = `UPDATE report SET body = $1, fence = $2 WHERE id = $3 AND fence <= $2`

	saveOnceSQL = `UPDATE report SET body = $1, fence = $2, seq = $3
		WHERE id = $4 AND (fence < $2 OR fence = $2 AND seq < $3)`
)

// save writes the report, unless a later holder has. The row exists, with a fence of 0 from the start.
func save(ctx context.Context, db *sql.DB, id int64, body string, token kv.Version) error {
	res, err := db.ExecContext(ctx, saveSQL, body, int64(token), id)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = fmt.Errorf("report %d: %w", id, fence.ErrStale)
	}
	return err
}

// saveOnce is save for a holder that numbers its writes 1, 2, 3: a write that is repeated, because its answer was lost, changes
// nothing. It returns whether the row was changed; if not, the write was done already or the token is stale, which a read
// tells.
func saveOnce(ctx context.Context, db *sql.DB, id int64, body string, token kv.Version, seq int64) (bool, error) {
	res, err := db.ExecContext(ctx, saveOnceSQL, body, int64(token), seq, id)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func Example_database() {
	ctx := context.Background()
	db := sql.OpenDB(newTable(1)) // any driver; here a table in memory that knows these statements
	defer db.Close()

	fmt.Println(save(ctx, db, 1, "by the old holder", 7))
	fmt.Println(save(ctx, db, 1, "by the next", 9))
	fmt.Println(save(ctx, db, 1, "by the old holder, late", 7))

	fmt.Println(saveOnce(ctx, db, 1, "final", 9, 1))
	fmt.Println(saveOnce(ctx, db, 1, "final", 9, 1)) // again
	// Output:
	// <nil>
	// <nil>
	// report 1: stale fencing token
	// true <nil>
	// false <nil>
}
