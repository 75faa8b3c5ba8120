//go:build unix

package cli

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
)

func TestEmptyListIsAnEmptyArray(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		for format, want := range map[string]string{"json": "[]\n", "yaml": "[]\n", "jsonl": "", "name": "", "table": "", "wide": ""} {
			require.Equal(t, want, b.ok("lock", "ls", "-o", format), format)
		}
		b.terminal = true
		out, messages, _ := b.run("lock", "ls")
		require.Empty(t, out)
		require.Equal(t, "no locks\n", messages, "a person is told")
	})
}

func TestFormatsSayTheSame(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.holds("web/1", "deploy", "")
		golden(t, `
			- name: deploy
			  holders:
			    - key: coord/lock/deploy/w/ID
			      token: 946684800000000002
			      lease: d234ccf52430001
			      ttl_seconds: 15
			      owner: web/1
			      host: web
			      pid: 7
			      program: make
			      since: "2000-01-01T00:00:00Z"
			      note: ""
			      shared: false
			  queue: []
		`, b.ok("lock", "ls", "-o", "yaml"))
		golden(t, `{"name":"deploy","holders":[{"key":"coord/lock/deploy/w/ID","token":946684800000000002,"lease":"d234ccf52430001",`+
			`"ttl_seconds":15,"owner":"web/1","host":"web","pid":7,"program":"make","since":"2000-01-01T00:00:00Z","note":"","shared":false}],`+
			`"queue":[]}`+"\n", b.ok("lock", "ls", "-o", "jsonl"))
		require.JSONEq(t, "["+b.ok("lock", "ls", "-o", "jsonl")+"]", b.ok("lock", "ls", "-o", "json"))
		require.JSONEq(t, b.ok("lock", "ls", "-o", "jsonl"), b.ok("lock", "describe", "deploy", "-o", "json"))
		require.Equal(t, "deploy\n", b.ok("lock", "ls", "-o", "name"))
	})
}

// hostile is text that would colour the terminal, set its title, or turn the direction of writing; in control characters old and new.
const hostile = "a\x1b[31mb\x1b]0;t\x07\tc\nd\u009b2Je\u202ef\x7fg\U000e0001"

func TestNothingStoredActsOnTheTerminal(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.holds("web/1\x1b[2J", "l", hostile)
		for _, format := range strings.Fields("table wide json jsonl yaml name") {
			for _, out := range []string{b.ok("lock", "ls", "-o", format), b.ok("lock", "describe", "l", "-o", format)} {
				require.Equal(t, out, plain(out), format)
			}
		}
		var fromJSON, fromYAML []struct{ Holders []struct{ Note string } }
		require.NoError(t, json.Unmarshal([]byte(b.ok("lock", "ls", "-o", "json")), &fromJSON))
		require.NoError(t, yaml.Unmarshal([]byte(b.ok("lock", "ls", "-o", "yaml")), &fromYAML))
		require.Equal(t, hostile, fromJSON[0].Holders[0].Note)
		require.Equal(t, fromJSON, fromYAML)
		require.Contains(t, b.ok("lock", "describe", "l"), `a\x1b[31mb\x1b]0;t\x07\tc\nd\u009b2Je\u202ef\x7fg\U000e0001`)
		_, messages, _ := b.run("lock", "break", "--yes", "l")
		require.Equal(t, messages, plain(messages))
	})
}

func TestYAMLKeepsEveryString(t *testing.T) {
	for _, s := range []string{
		"", " ", "true", "null", "~", "1", "1e3", "0x1f", "2000-01-01", "- a", "a: b", "#", "'", `"`, `\`, "a\nb\n", "\n", "  a\n b", "a\n\n\n", "日本", "🙂",
		"\ufeff", "\u2028", "\u0085", hostile, strings.Repeat("word ", 50), "%", "@", "`", "? a", "!!str", "&a", "*a", "---", "...", "=", "<<",
	} {
		text, err := encodeYAML(map[string]any{"s": []string{s}})
		require.NoError(t, err, "%q", s)
		var back struct{ S []string }
		require.NoError(t, yaml.Unmarshal(text, &back), "%q: %s", s, text)
		require.Equal(t, []string{s}, back.S, "%s", text)
		require.Equal(t, string(text), plain(string(text)), "%q", s)
	}
}

func TestTablesAlignWideCharacters(t *testing.T) {
	tab := table{header: []string{"NAME", "X", "MORE"}, wide: 2, rows: [][]string{
		{"日本語", "1", "a"}, {"e\u0301", "2", "b"}, {"ＡＢ", "3", "c"}, {"🙂", "4", "d"}, {"-", "5", "e"}, {"\xff", "6", "f"},
	}}
	golden(t, `
		NAME    X
		日本語  1
		e`+"\u0301"+`       2
		ＡＢ    3
		🙂      4
		-       5
		\xff    6
	`, tab.layout(false, true, 0))
}

func TestTablesEndWithinTheTerminal(t *testing.T) {
	tab := table{header: []string{"NAME", "NOTE"}, wide: 2, rows: [][]string{{"a", "日本語日本語"}, {"b", "123456"}}}
	golden(t, `
		NAME  NOTE
		a     日本…
		b     123456
	`, tab.layout(false, true, 12))
	golden(t, `
		…
		…
		…
	`, tab.layout(false, true, 1))
	for columns := range 20 {
		for line := range strings.Lines(tab.layout(true, true, columns)) {
			require.True(t, columns == 0 || displayWidth(line) <= columns+1, "%d columns: %q", columns, line) // and the end of the line
		}
	}
	onMemory(t, func(t *testing.T, b *bench) {
		b.holds("web/1", "l", strings.Repeat("long ", 100))
		require.Contains(t, b.ok("lock", "describe", "l"), strings.Repeat("long ", 99), "off the terminal all is there")
		b.columns = 40
		for line := range strings.Lines(b.ok("lock", "describe", "l")) {
			require.LessOrEqual(t, displayWidth(line), 41)
		}
	})
}

func TestAgesAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 1499 * time.Millisecond: "1s", 252 * time.Second: "4m12s", 3 * time.Hour: "3h0m0s", 25*time.Hour + time.Minute: "1d1h",
		1000 * 24 * time.Hour: "1000d0h",
	} {
		require.Equal(t, want, short(d))
	}
}

// brokenPipe is what a closed pipe answers.
type brokenPipe struct{ err error }

func (w brokenPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "|1", Err: w.err}
}

func TestReaderThatHasEnoughIsNoError(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.holds("web/1", "l", "")
		for _, args := range [][]string{{"lock", "ls"}, {"lock", "ls", "--watch"}, {"lock", "describe", "l", "-o", "json"}, {"version"}} {
			var messages strings.Builder
			require.Zero(t, Main(t.Context(), args, b.io(brokenPipe{syscall.EPIPE}, &messages)), args)
			require.Empty(t, messages.String(), args)
		}
		var messages strings.Builder
		require.Equal(t, 125, Main(t.Context(), []string{"lock", "ls"}, b.io(brokenPipe{errors.New("disk full")}, &messages)))
		require.Equal(t, "coord: write |1: disk full\n", messages.String(), "any other failure is one")
	})
}

func TestWatchShowsEachChangeAndNothingElse(t *testing.T) {
	for name, hide := range map[string]func(kv.Storage) kv.Storage{
		"driven by the store": func(st kv.Storage) kv.Storage { return st },
		"on the contract":     kvtest.Hide,
	} {
		t.Run(name, func(t *testing.T) {
			onMemory(t, func(t *testing.T, b *bench) {
				owner := *b
				b.st = hide(b.st)
				table, lines, array, docs, names := b.start("lock", "ls", "--watch"), b.start("lock", "ls", "--watch", "-o", "jsonl"),
					b.start("lock", "ls", "--watch", "-o", "json"), b.start("lock", "ls", "--watch", "-o", "yaml"), b.start("lock", "ls", "--watch", "-o", "name")
				const header = "NAME  HOLDER  AGE  TTL  TOKEN  WAITERS\n"
				require.Equal(t, header, table.wrote())
				require.Empty(t, lines.wrote())
				require.Equal(t, "[]\n", array.wrote())
				require.Equal(t, "[]\n", docs.wrote())
				require.Empty(t, names.wrote())

				h := owner.holds("web/1", "l", "")
				time.Sleep(time.Second)
				require.Contains(t, table.wrote(), "\nNAME  HOLDER")
				require.Contains(t, lines.wrote(), `{"name":"l","holders":[{"key":`)
				require.Contains(t, array.wrote(), `"name": "l"`)
				require.True(t, strings.HasPrefix(docs.wrote(), "---\n- name: l\n"))
				require.Equal(t, "\nl\n", names.wrote())

				_, err := owner.st.Create(t.Context(), kv.Record{Key: "coord/lock/stray"})
				require.NoError(t, err)
				time.Sleep(time.Minute) // renewals of the lease, and a key that is no lock's
				for _, p := range []*process{table, lines, array, docs, names} {
					require.Empty(t, p.wrote(), "nothing has changed")
				}

				require.NoError(t, h.Unlock(t.Context()))
				time.Sleep(time.Second)
				require.Equal(t, "\n"+header, table.wrote())
				require.Regexp(t, `^{"name":"l",.*,"gone":true}\n$`, lines.wrote())
				require.Equal(t, "[]\n", array.wrote())
				require.Equal(t, "---\n[]\n", docs.wrote())
				require.Equal(t, "\n", names.wrote())
				for _, p := range []*process{table, lines, array, docs, names} {
					p.stop()
					require.Zero(t, <-p.code)
				}
			})
		})
	}
}

func TestWatchInLinesTellsWhatHasChangedOnly(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.ok("kv", "put", "a", "1")
		b.ok("kv", "put", "b", "1")
		p := b.start("kv", "ls", "--watch", "-o", "jsonl")
		require.Equal(t, 2, strings.Count(p.wrote(), "\n"), "at first all there is")
		b.ok("kv", "put", "b", "2")
		out := p.wrote()
		require.Contains(t, out, `{"key":"b",`)
		require.Equal(t, 1, strings.Count(out, "\n"), "%s", out)
	})
}

func TestWatchRidesOutAnOutage(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		st := b.st.(*memory.Storage).Connect()
		defer st.Close()
		other := *b
		b.st = kvtest.Hide(st) // so that it reads in the outage
		p := b.start("kv", "ls", "--watch", "-o", "name")
		require.Empty(t, p.wrote())
		st.SetConnected(false)
		other.ok("kv", "put", "k", "")
		time.Sleep(time.Minute)
		require.Empty(t, p.wrote())
		require.Equal(t, 1, strings.Count(p.messages.take(), "trying again"), "spoken of once")
		st.SetConnected(true)
		time.Sleep(2 * time.Second)
		require.Equal(t, "\nk\n", p.wrote())
		st.SetConnected(false)
		b.no(69, "kv", "ls", "--watch")
	})
}

func TestWatchRedrawsOnATerminalThatCan(t *testing.T) {
	for term, want := range map[string]string{"xterm": "\x1b[H\x1b[2Jl\n", "dumb": "\nl\n", "": "\nl\n"} {
		onMemory(t, func(t *testing.T, b *bench) {
			b.columns, b.env = 80, map[string]string{"TERM": term}
			p := b.start("lock", "ls", "--watch", "-o", "name")
			p.wrote()
			b.holds("web/1", "l", "")
			require.Equal(t, want, p.wrote(), "TERM=%s", term)
		})
	}
}
