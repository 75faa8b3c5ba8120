//go:build unix

package cli

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
)

// leads makes somebody the leader.
func (b *bench) leads(id, name, value string) *election.Term {
	b.t.Helper()
	term, err := election.New(b.owner("web/"+id), name, &election.Options{ID: id, Value: []byte(value)}).Campaign(b.t.Context())
	require.NoError(b.t, err)
	return term
}

// stands makes somebody a candidate.
func (b *bench) stands(id, name string, priority int) {
	b.t.Helper()
	e := election.New(b.owner("web/"+id), name, &election.Options{ID: id, Priority: priority, Note: "note of " + id})
	go func() { _, _ = e.Campaign(b.t.Context()) }()
	synctest.Wait()
}

func TestElectionsAreListedWithLeaderAndCandidates(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		require.Equal(t, "[]\n", b.ok("election", "ls", "-o", "json"))
		b.leads("a", "sched", "10.0.0.1:80")
		require.NoError(t, b.leads("z", "past", "").Resign(t.Context()))
		time.Sleep(90 * time.Second)
		b.stands("b", "sched", 0)
		b.stands("c", "sched", 5)
		golden(t, `
			NAME   LEADER  AGE    TTL  TERM  CANDIDATES
			past   -       -      -    1     0
			sched  a       1m30s  15s  1     2
		`, b.ok("election", "ls"))
		golden(t, `
			past   -  -      -    1  0  -                   -                -     -  -            -
			sched  a  1m30s  15s  1  2  946684800000000003  d234ccf52430001  make  -  10.0.0.1:80  coord/election/sched/c/ID
		`, b.ok("election", "ls", "-o", "wide", "--no-headers"))
		golden(t, `
			PLACE   ID  OWNER  PROGRAM  AGE    TTL  TOKEN               NOTE
			leader  a   web/a  make     1m30s  15s  946684800000000003  -
			1       c   web/c  make     0s     15s  946684800000000011  note of c
			2       b   web/b  make     0s     15s  946684800000000009  note of b
		`, b.ok("election", "describe", "sched"))
		require.Equal(t, "past\nsched\n", b.ok("election", "ls", "-o", "name"))
	})
}

func TestElectionInYAMLHasEveryField(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.leads("a", "e", "\xff")
		b.stands("b", "e", 5)
		golden(t, `
			name: e
			term: 1
			leader:
			  id: a
			  key: coord/election/e/c/ID
			  token: 946684800000000003
			  lease: d234ccf52430001
			  ttl_seconds: 15
			  owner: web/a
			  host: web
			  pid: 7
			  program: make
			  since: "2000-01-01T00:00:00Z"
			  note: ""
			  value_base64: /w==
			candidates:
			  - id: b
			    key: coord/election/e/c/ID
			    token: 946684800000000005
			    priority: 5
			    lease: d234ccf52430004
			    ttl_seconds: 15
			    owner: web/b
			    host: web
			    pid: 7
			    program: make
			    since: "2000-01-01T00:00:00Z"
			    note: note of b
		`, b.ok("election", "describe", "e", "-o", "yaml"))
	})
}

func TestVacantElectionIsAnsweredWithOne(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		require.NoError(t, b.leads("a", "e", "").Resign(t.Context()))
		require.Equal(t, `coord: nobody leads election "e"`, b.no(1, "election", "describe", "e"))
		require.Equal(t, `coord: nobody leads election "e"`, b.no(1, "election", "resign", "--yes", "e"))
		out, _, code := b.run("election", "describe", "e", "-o", "jsonl")
		require.Equal(t, 1, code)
		require.Equal(t, `{"name":"e","term":1,"leader":null,"candidates":[]}`+"\n", out)
	})
}

func TestUnreadableTermIsSaid(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		_, err := b.st.Create(t.Context(), kv.Record{Key: "coord/election/e/term", Value: kv.Value("?")})
		require.NoError(t, err)
		require.Equal(t, "e  (unreadable)  -  -  0  0\n", b.ok("election", "ls", "--no-headers"))
		require.Contains(t, b.no(125, "election", "describe", "e"), "cannot be read")
		require.Contains(t, b.no(125, "election", "resign", "--yes", "e"), "cannot be read")
	})
}

func TestResignStrikesOnlyTheTermThatWasShown(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		term := b.leads("a", "e", "")
		b.stands("b", "e", 0)
		token := fmt.Sprint(term.Token())
		require.Equal(t, `coord: election "e" is led under token `+token+`, not 1`, b.no(1, "election", "resign", "-y", "--token", "1", "e"))
		require.Contains(t, b.no(64, "election", "resign", "e"), "add --yes")
		b.terminal, b.in = true, "no\n"
		_, messages, code := b.run("election", "resign", "e")
		require.Equal(t, 1, code)
		require.Equal(t, `election "e" is led by a (web/a, make) under token `+token+` since `+
			time.Now().Local().Format(time.DateTime)+", 1 standing\ntake it away? [y/N] coord: left alone\n", messages)
		b.in = "y\n"
		_, messages, code = b.run("election", "resign", "e")
		require.Zero(t, code, messages)
		synctest.Wait()
		require.ErrorIs(t, term.Err(), election.ErrLost)
		require.Equal(t, "e  b  0s  15s  2  0\n", b.ok("election", "ls", "--no-headers"))
	})
}

func TestElectionWatchFollowsTheLeader(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		p := b.start("election", "describe", "e", "--watch", "-o", "jsonl")
		require.Equal(t, `{"name":"e","term":0,"leader":null,"candidates":[]}`+"\n", p.wrote())
		term := b.leads("a", "e", "")
		require.Regexp(t, `"leader":{"id":"a".*"lease":"[0-9a-f]+","ttl_seconds":15.*\n$`, p.wrote())
		time.Sleep(time.Hour)
		require.Empty(t, p.wrote())
		require.NoError(t, term.Resign(t.Context()))
		require.Equal(t, `{"name":"e","term":1,"leader":null,"candidates":[]}`+"\n", p.wrote())
	})
}

func TestMistakesInLockAndElectionCommandsAreUsageErrors(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		for _, args := range [][]string{
			{"lock", "bogus"}, {"election", "bogus"}, {"lock", "ls", "x"}, {"election", "ls", "x"}, {"lock", "ls", "-o", "value"},
			{"election", "ls", "-o", "xml"}, {"election", "describe"}, {"election", "describe", ""}, {"election", "describe", "a\nb"},
			{"election", "resign", "-y", "--token", "0", "e"}, {"election", "resign", "-y", "\xff"}, {"lock", "wait"}, {"lock", "wait", ""},
			{"lock", "wait", "-w", "soon", "l"}, {"lock", "wait", "-w", "-1", "l"}, {"lock", "ls", "--watch=maybe"}, {"bogus"},
		} {
			b.no(64, args...)
		}
	})
}
