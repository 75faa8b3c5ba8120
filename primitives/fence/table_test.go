package fence_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

// table is the table "report" of docs/fencing.md and all of its database: it does what the page's two statements say, in Go. No
// SQL engine runs here, since that would take a dependency; what is tested is the condition, and the Go code around it.
type table struct {
	mu   sync.Mutex
	rows map[int64]*row
}

type row struct {
	body       string
	fence, seq int64
}

func newTable(ids ...int64) *table {
	t := &table{rows: map[int64]*row{}}
	for _, id := range ids {
		t.rows[id] = &row{}
	}
	return t
}

func (t *table) Connect(context.Context) (driver.Conn, error) { return conn{t}, nil }
func (t *table) Driver() driver.Driver                        { return nil }

type conn struct{ *table }

func (conn) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (conn) Begin() (driver.Tx, error)           { return nil, errors.ErrUnsupported }
func (conn) Close() error                        { return nil }

func (c conn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, token := args[0].Value.(string), args[1].Value.(int64)
	switch query {
	case saveSQL:
		r := c.rows[args[2].Value.(int64)]
		if r == nil || r.fence > token {
			return driver.RowsAffected(0), nil
		}
		r.body, r.fence = body, token
		return driver.RowsAffected(1), nil
	case saveOnceSQL:
		seq, r := args[2].Value.(int64), c.rows[args[3].Value.(int64)]
		if r == nil || r.fence > token || r.fence == token && r.seq >= seq {
			return driver.RowsAffected(0), nil
		}
		r.body, r.fence, r.seq = body, token, seq
		return driver.RowsAffected(1), nil
	}
	return nil, errors.ErrUnsupported
}

func TestStatementRefusesLowerTokensOnly(t *testing.T) {
	data := newTable(1)
	db := sql.OpenDB(data)
	defer db.Close()
	for _, token := range []kv.Version{5, 5, 9} {
		require.NoError(t, save(t.Context(), db, 1, "body", token), "token %d", token)
	}
	require.ErrorIs(t, save(t.Context(), db, 1, "late", 8), fence.ErrStale)
	require.Equal(t, row{body: "body", fence: 9}, *data.rows[1])
	require.ErrorIs(t, save(t.Context(), db, 2, "body", 9), fence.ErrStale, "0 rows, also if there is no such row")
}

func TestStatementWithASlotTakesEachWriteOnce(t *testing.T) {
	data := newTable(1)
	db := sql.OpenDB(data)
	defer db.Close()
	for _, w := range []struct {
		token kv.Version
		seq   int64
		done  bool
	}{
		{5, 1, true}, {5, 1, false}, {5, 2, true}, {5, 1, false}, // a copy that comes late, too
		{9, 1, true}, {9, 1, false}, // a new holder counts anew
		{5, 3, false},
	} {
		done, err := saveOnce(t.Context(), db, 1, "body", w.token, w.seq)
		require.NoError(t, err)
		require.Equal(t, w.done, done, "write %d under token %d", w.seq, w.token)
	}
	require.Equal(t, row{body: "body", fence: 9, seq: 1}, *data.rows[1])
}
