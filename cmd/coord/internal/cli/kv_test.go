//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
)

func TestValueComesBackByteForByte(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		file := filepath.Join(t.TempDir(), "value")
		for _, value := range []string{"", "v", "line\n", "\xff\x00\x1b[31m", strings.Repeat("v", kv.MaxValueLen)} {
			b.in = value
			b.ok("kv", "put", "k", "-")
			require.Equal(t, value, b.ok("kv", "get", "k"))
			require.NoError(t, os.WriteFile(file, []byte(value), 0o600))
			b.ok("kv", "put", "--file", file, "k")
			require.Equal(t, value, b.ok("kv", "get", "k", "-o", "value"))
		}
		b.ok("kv", "put", "k", "an argument")
		require.Equal(t, "an argument", b.ok("kv", "get", "k"))
		b.ok("kv", "put", "k", "--", "-5")
		require.Equal(t, "-5", b.ok("kv", "get", "k"))
	})
}

func TestValueOnATerminalCannotActOnIt(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.columns = 80
		for value, want := range map[string]string{"": "\n", "v": "v\n", "v\n": "v\n", "a\tb\nc": "a\tb\nc\n", "\x1b[31m\xff\r": `\x1b[31m\xff\r` + "\n"} {
			b.in = value
			b.ok("kv", "put", "k", "-")
			require.Equal(t, want, b.ok("kv", "get", "k"))
		}
	})
}

func TestRecordsAreShownInEveryFormat(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		l, err := b.st.Lessor().NewLease(t.Context(), time.Minute, false)
		require.NoError(t, err)
		lease := leaseID(l.Id()).String()
		require.Equal(t, "946684800000000002\n", b.ok("kv", "create", "--lease", lease, "a/1", "v"))
		b.in = "\xff"
		require.Equal(t, "946684800000000003\n", b.ok("kv", "put", "a/2", "-"))
		b.ok("kv", "create", "b", "")
		time.Sleep(10 * time.Second)
		golden(t, `
			KEY  VERSION             LEASE            TTL  SIZE
			a/1  946684800000000002  d234ccf52430001  50s  1
			a/2  946684800000000003  -                -    1
			b    946684800000000004  -                -    0
		`, b.ok("kv", "ls"))
		golden(t, `
			a/1  946684800000000002  d234ccf52430001  50s  1  v
			a/2  946684800000000003  -                -    1  \xff
		`, b.ok("kv", "ls", "-o", "wide", "--no-headers", "a/"))
		golden(t, `
			{"key":"a/1","version":946684800000000002,"lease":"d234ccf52430001","ttl_seconds":50,"value":"v"}
			{"key":"a/2","version":946684800000000003,"lease":null,"ttl_seconds":null,"value_base64":"/w=="}
			{"key":"b","version":946684800000000004,"lease":null,"ttl_seconds":null,"value":""}
		`, b.ok("kv", "ls", "-o", "jsonl"))
		golden(t, `
			key: b
			version: 946684800000000004
			lease: null
			ttl_seconds: null
			value: ""
		`, b.ok("kv", "get", "b", "-o", "yaml"))
		require.Equal(t, "a/1\na/2\nb\n", b.ok("kv", "ls", "-o", "name"))
		require.Equal(t, "[]\n", b.ok("kv", "ls", "c", "-o", "json"))
	})
}

func TestWritesAnswerWithTheVersionOrWithOne(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		v1 := strings.TrimSpace(b.ok("kv", "create", "k", "1"))
		require.Equal(t, `coord: key "k" is there already, with version `+v1, b.no(1, "kv", "create", "k", "2"))
		v2 := strings.TrimSpace(b.ok("kv", "cas", "k", v1, "2"))
		require.Equal(t, `coord: key "k" has version `+v2+`, not `+v1, b.no(1, "kv", "cas", "k", v1, "3"))
		require.Equal(t, "2", b.ok("kv", "get", "k"))
		require.Equal(t, `coord: no lease 1f`, b.no(1, "kv", "create", "--lease", "1f", "l", "1"))
		require.Empty(t, b.ok("kv", "del", "k"))
		for _, args := range [][]string{{"get", "k"}, {"get", "k", "-o", "json"}, {"del", "k"}, {"cas", "k", v2, "3"}} {
			require.Equal(t, `coord: no record at key "k"`, b.no(1, append([]string{"kv"}, args...)...))
		}
	})
}

func TestPutKeepsTheLease(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		l, err := b.st.Lessor().NewLease(t.Context(), time.Minute, false)
		require.NoError(t, err)
		b.ok("kv", "create", "--lease", leaseID(l.Id()).String(), "k", "1")
		b.ok("kv", "put", "k", "2")
		require.NoError(t, l.Release())
		b.no(1, "kv", "get", "k")
	})
}

func TestWatchOfAKeySeesItComeAndGo(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		lines, values := b.start("kv", "get", "k", "--watch", "-o", "jsonl"), b.start("kv", "get", "k", "--watch")
		require.Empty(t, lines.wrote())
		b.ok("kv", "put", "k", "1")
		b.ok("kv", "put", "kk", "another")
		require.Contains(t, lines.wrote(), `"value":"1"}`)
		require.Equal(t, "\n1", values.wrote())
		b.ok("kv", "put", "k", "2")
		require.Contains(t, lines.wrote(), `"value":"2"}`)
		require.Equal(t, "\n2", values.wrote())
		b.ok("kv", "del", "k")
		require.Contains(t, lines.wrote(), `"value":"2","gone":true}`)
	})
}

func TestKVWatchTellsEveryChange(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.ok("kv", "put", "a/1", "old\x1b")
		b.ok("kv", "put", "b", "")
		table, lines, names := b.start("kv", "watch", "a/"), b.start("kv", "watch", "a/", "-o", "json"), b.start("kv", "watch", "a/", "-o", "name")
		golden(t, `
			EVENT    VERSION  KEY  VALUE
			present  946684800000000001  a/1  old\x1b
		`, table.wrote())
		golden(t, `{"event":"present","key":"a/1","version":946684800000000001,"lease":null,"ttl_seconds":null,"value":"old\u001b"}`+"\n", lines.wrote())
		time.Sleep(time.Hour) // silence is no error once the store has answered
		b.ok("kv", "put", "a/2", "x")
		b.ok("kv", "put", "a/2", "y")
		b.ok("kv", "put", "b", "z")
		b.ok("kv", "del", "a/1")
		golden(t, `
			put      946684800000000003  a/2  x
			put      946684800000000004  a/2  y
			deleted  946684800000000006  a/1
		`, table.wrote())
		require.Contains(t, lines.wrote(), `{"event":"deleted","key":"a/1","version":946684800000000006,"lease":null,"ttl_seconds":null}`+"\n")
		require.Equal(t, "a/1\na/2\na/2\na/1\n", names.wrote())
		table.stop()
		require.Zero(t, <-table.code)
	})
}

func TestKVWatchNeedsAStoreThatAnswers(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		st := b.st.(*memory.Storage)
		b.st = kvtest.Hide(st)
		require.Equal(t, "coord: this store cannot be watched", b.no(125, "kv", "watch"))
		b.st = st
		st.SetConnected(false)
		start := time.Now()
		b.no(69, "kv", "watch")
		require.LessOrEqual(t, time.Since(start), answerWithin)
		require.Contains(t, b.no(69, "kv", "get", "k"), "unavailable")
	})
}

func TestKVWatchSaysWhenItMayHaveMissedChanges(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		st := b.st.(*memory.Storage).Connect()
		defer st.Close()
		other := *b
		b.st = st
		p := b.start("kv", "watch", "-o", "jsonl")
		p.wrote()
		st.SetConnected(false)
		for range 2000 { // more than the store remembers
			other.ok("kv", "put", "k", "")
		}
		st.SetConnected(true)
		synctest.Wait()
		time.Sleep(time.Minute)
		first, rest, _ := strings.Cut(p.wrote(), "\n")
		require.Regexp(t, `^{"event":"lost","version":\d+}$`, first)
		require.Contains(t, rest, `{"event":"present","key":"k"`)
	})
}

func TestMistakesInKVCommandsAreUsageErrors(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.in = strings.Repeat("v", kv.MaxValueLen+1)
		for _, args := range []string{
			"bogus", "get", "get a b", "get k -o xml", "ls a b", "ls -o value", "watch a b", "watch -o csv", "put k", "put k v w", "put k -",
			"put --file /no/such/file k", "put --file x k v", "create k", "create --lease xyz k v", "create --lease -1 k v", "create --lease 0 k v",
			"cas k v", "cas k x v", "cas k 0 v", "cas k -- -1 v", "del", "del a b",
			"get " + strings.Repeat("k", kv.MaxKeyLen+1), "get \xff", "put \xff v", "del \xff",
		} {
			b.no(64, append([]string{"kv"}, strings.Fields(args)...)...)
		}
		b.no(64, "kv", "get", "")
		require.Empty(t, b.ok("kv", "ls"))
	})
}
