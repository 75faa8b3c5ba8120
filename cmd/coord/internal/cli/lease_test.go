//go:build unix

package cli

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

// lease makes a lease that is not kept alive, with records.
func (b *bench) lease(ttl time.Duration, keys ...kv.Key) string {
	b.t.Helper()
	l, err := b.st.Lessor().NewLease(b.t.Context(), ttl, false)
	require.NoError(b.t, err)
	for _, key := range keys {
		_, err := b.st.Create(b.t.Context(), kv.Record{Key: key, Lease: l.Id()})
		require.NoError(b.t, err)
	}
	return leaseID(l.Id()).String()
}

func TestLeasesAreListedWithTheirKeys(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.lease(time.Minute, "b", "a")
		b.lease(time.Hour, "c\n")
		b.ok("kv", "put", "d", "")
		time.Sleep(10 * time.Second)
		golden(t, `
			LEASE            TTL     KEYS  FIRST KEY
			d234ccf52430001  50s     2     a
			d234ccf52430004  59m50s  1     c\n
		`, b.ok("lease", "ls"))
		golden(t, `
			LEASE            TTL  KEY
			d234ccf52430001  50s  a
			d234ccf52430001  50s  b
		`, b.ok("lease", "describe", "d234ccf52430001"))
		golden(t, `
			{"lease":"d234ccf52430001","ttl_seconds":50,"keys":["a","b"]}
			{"lease":"d234ccf52430004","ttl_seconds":3590,"keys":["c\n"]}
		`, b.ok("lease", "ls", "-o", "jsonl"))
		require.Equal(t, "d234ccf52430001\nd234ccf52430004\n", b.ok("lease", "ls", "-o", "name"))
		time.Sleep(time.Minute)
		require.Equal(t, "coord: no lease d234ccf52430001", b.no(1, "lease", "describe", "d234ccf52430001"))
	})
}

func TestLeaseWithoutKeysIsFoundByItsNumber(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		id := b.lease(time.Minute)
		require.Equal(t, id+"  1m0s  -\n", b.ok("lease", "describe", id, "--no-headers"))
		golden(t, `{"lease":"`+id+`","ttl_seconds":60,"keys":[]}`+"\n", b.ok("lease", "describe", id, "-o", "jsonl"))
	})
}

func TestReleaseEndsTheLeaseAndTellsWhomItHits(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		h := b.holds("web/1", "l", "")
		id := leaseID(h.Lease()).String()
		require.Contains(t, b.no(64, "lease", "release", id), "add --yes")
		b.terminal, b.in = true, "n\n"
		_, messages, code := b.run("lease", "release", id)
		require.Equal(t, 1, code)
		golden(t, "lease "+id+` holds 1 key(s): "coord/lock/l/w/ID"`+"\nend it? [y/N] coord: left alone\n", messages)
		_, messages, code = b.run("lease", "release", "--yes", id)
		require.Zero(t, code, messages)
		time.Sleep(15 * time.Second) // the holder notices with its next renewal
		synctest.Wait()
		require.ErrorIs(t, h.Err(), mutex.ErrLost)
		require.Equal(t, "coord: no lease "+id, b.no(1, "lease", "release", "--yes", id))
	})
}

func TestMistakesInLeaseCommandsAreUsageErrors(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		for _, args := range [][]string{
			{"bogus"}, {"ls", "x"}, {"describe"}, {"describe", "0"}, {"describe", "xyz"}, {"describe", "ffffffffffffffffff"}, {"release", "--yes", "-1"},
		} {
			b.no(64, append([]string{"lease"}, args...)...)
		}
	})
}
