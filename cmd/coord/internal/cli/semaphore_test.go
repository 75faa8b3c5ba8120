//go:build unix

package cli

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/semaphore"
)

// acquires makes somebody hold n of a semaphore of three.
func (b *bench) acquires(owner, name string, n int64) *semaphore.Permit {
	b.t.Helper()
	p, err := semaphore.New(b.owner(owner), name, 3, &semaphore.Options{Note: "a note"}).Acquire(b.t.Context(), n)
	require.NoError(b.t, err)
	return p
}

func TestSemaphoresAreListedWithHoldersAndQueue(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		require.Equal(t, "[]\n", b.ok("semaphore", "ls", "-o", "json"))
		b.acquires("web/1", "s", 2)
		s := semaphore.New(b.owner("web/2"), "s", 3, nil)
		go func() { _, _ = s.Acquire(t.Context(), 2) }()
		time.Sleep(time.Minute)
		golden(t, `
			NAME  USED  LIMIT  HOLDERS  WAITERS
			s     2     3      1        1
		`, b.ok("semaphore", "ls"))
		golden(t, `
			PLACE   WEIGHT  OWNER  PROGRAM  AGE   TTL  TOKEN               NOTE
			holder  2       web/1  make     1m0s  15s  946684800000000003  a note
			1       2       web/2  make     1m0s  15s  946684800000000005  -
		`, b.ok("semaphore", "describe", "s"))
		b.ok("semaphore", "limit", "s", "4")
		synctest.Wait()
		require.Equal(t, "s  4  4  2  0\n", b.ok("semaphore", "ls", "--no-headers"), "the higher limit let the other one in")
	})
}

func TestSemaphoreBreakStrikesOneHolder(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.acquires("web/1", "s", 1)
		p := b.acquires("web/2", "s", 1)
		require.Contains(t, b.no(64, "semaphore", "break", "--yes", "s"), "give --token")
		require.Equal(t, `coord: nobody holds semaphore "s" under token 1`, b.no(1, "semaphore", "break", "--yes", "--token", "1", "s"))
		b.ok("semaphore", "break", "--yes", "--token", fmt.Sprint(p.Token()), "s")
		synctest.Wait()
		require.ErrorIs(t, p.Err(), semaphore.ErrLost)
		require.Equal(t, "s  1  3  1  0\n", b.ok("semaphore", "ls", "--no-headers"))
	})
}

func TestSemaphoreThatCannotBeReadIsSaid(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		require.Contains(t, b.no(1, "semaphore", "describe", "s"), "nobody holds")
		_, err := b.st.Create(t.Context(), kv.Record{Key: "coord/semaphore/s/limit", Value: kv.Value("?")})
		require.NoError(t, err)
		require.Equal(t, "s  0  (unreadable)  0  0\n", b.ok("semaphore", "ls", "--no-headers"))
		require.Contains(t, b.no(125, "semaphore", "describe", "s"), "cannot be read")
		for _, args := range [][]string{{"limit", "s", "0"}, {"limit", "s", "x"}, {"limit", "s"}, {"limit", "", "1"}, {"describe", ""}, {"bogus"}} {
			b.no(64, append([]string{"semaphore"}, args...)...)
		}
	})
}
