//go:build unix

package top

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// names are the first words of the rows of the list, in order.
func (s *stage) names() []string {
	var out []string
	for _, l := range strings.Split(bare(s.shown()), "\n")[3:] {
		f := strings.Fields(strings.TrimPrefix(l, ">"))
		if len(f) == 0 || strings.HasPrefix(f[0], "─") {
			break
		}
		out = append(out, f[0])
	}
	return out[1:]
}

func TestOrders(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		o := s.owner("a/1")
		for _, name := range []string{"b", "c", "a"} {
			s.holds(o, name, "")
			s.pass(time.Second)
		}
		for i := range 2 {
			s.queues(s.owner(fmt.Sprint("w/", i)), "c", "", 0)
		}
		s.queues(s.owner("w/9"), "b", "", 0)
		s.start(80, 30)
		require.Equal(t, []string{"a", "b", "c"}, s.names())
		s.press('r')
		require.Equal(t, []string{"c", "b", "a"}, s.names())
		s.press('r', 's')
		require.Equal(t, []string{"c", "b", "a"}, s.names(), "the longest queue first")
		s.press('s')
		require.Equal(t, []string{"b", "c", "a"}, s.names(), "the oldest first")
		require.Contains(t, s.shown(), "by age")
	})
}

func TestTheFilterLooksAtNamesAndAtWhatPeopleSay(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.holds(s.owner("alice/1"), "deploy", "")
		s.holds(s.owner("bob/1"), "reports", "for the Board")
		s.start(80, 30)
		s.press('/', 'D', 'E', 'p')
		require.Equal(t, []string{"deploy"}, s.names())
		s.press(backspace, backspace, backspace, 'b', 'o', 'a', enter)
		require.Equal(t, []string{"reports"}, s.names(), "the note")
		require.Contains(t, s.shown(), `only with "boa"`)
		s.press(keyEscape)
		require.Equal(t, []string{"deploy", "reports"}, s.names())
		s.press('/', 'a', 'l', 'i', 'c', 'e', 'q')
		require.Contains(t, s.shown(), "  none", "q is a letter there")
		s.press(ctrlU)
		require.Equal(t, []string{"deploy", "reports"}, s.names())
	})
}

func TestTabsShowOneKind(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.company()
		s.start(80, 40)
		s.press('3')
		require.Equal(t, []string{"scheduler"}, s.names())
		s.press(tab)
		require.Equal(t, []string{"api"}, s.names())
		s.press(tab, keyRight)
		require.Equal(t, []string{"deploy", "reports", "鎖/müller"}, s.names())
		s.press(keyBackTab, keyBackTab)
		require.Equal(t, []string{"api"}, s.names())
	})
}

func TestTheCursorStaysWithWhatItIsOn(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		o := s.owner("a/1")
		s.holds(o, "b", "")
		s.holds(o, "c", "")
		s.start(80, 24)
		s.press('j')
		require.NotEmpty(t, s.row("> c "))
		s.holds(o, "a", "")
		s.press('r')
		require.NotEmpty(t, s.row("> c "))
	})
}

func TestTheListFollowsTheCursor(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		o := s.owner("a/1")
		for i := range 100 {
			s.holds(o, fmt.Sprintf("lock-%03d", i), "")
		}
		s.start(80, 24)
		s.press('G')
		require.NotEmpty(t, s.row("> lock-099"))
		s.press('k')
		require.NotEmpty(t, s.row("> lock-098"))
		s.press(keyHome)
		require.NotEmpty(t, s.row("> lock-000"))
		require.NotEmpty(t, s.row("LOCK "), "with the names of the columns")
	})
}

func TestDetailsShowTheQueueInOrder(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.holds(s.owner("a/1"), "l", "why")
		for i := range 9 {
			s.queues(s.owner(fmt.Sprint("w/", i)), "l", fmt.Sprint("note ", i), 0)
		}
		s.start(100, 24)
		require.Regexp(t, `  holder +write +a/1 +host +7 +make +\d+s +\d+s +why`, s.row("holder  "))
		require.Regexp(t, `  1 +write +w/0 .* note 0`, s.row("note 0"))
		require.Regexp(t, `  3 +write +w/2 .* note 2`, s.row("note 2"))
		require.NotEmpty(t, s.row("… "), "there is no room for all")
		s.press(enter)
		require.Empty(t, s.row("holder  "))
	})
}

func TestHoldsAndWaitsAreMeasured(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.start(100, 24)
		unlock := s.holds(s.owner("a/1"), "l", "")
		s.queues(s.owner("b/1"), "l", "", 7*time.Second)
		s.pass(3 * time.Second)
		unlock()
		s.pass(8 * time.Second)
		require.Equal(t, "  held ▄█ last 7.0s, longest 7.0s · waited █ last 3.0s, longest 3.0s", s.row("held "))
		require.Regexp(t, `▁?██▁+`, s.row("> l "), "somebody waited, in the first seconds")
	})
}

func TestAFreeLockStaysForAWhile(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.start(80, 24)
		s.holds(s.owner("a/1"), "l", "")()
		s.pass(linger - time.Second)
		require.Regexp(t, `> l +- +free +- `, s.row("> l "))
		s.pass(3 * time.Second)
		require.Empty(t, s.row("> l "))
	})
}

func TestWhatCannotBeReadIsShown(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		for _, key := range []kv.Key{"coord/lock/l/w/1", "coord/election/e/term", "coord/registry/s/i/1", "coord/stray", "coord/lock/%zz/w/1"} {
			_, err := s.st.Create(t.Context(), kv.Record{Key: key, Value: kv.Value("?")})
			require.NoError(t, err)
		}
		s.start(120, 30)
		for _, name := range []string{"l", "e", "s"} {
			require.Regexp(t, `(?m)^[> ] `+name+` +\(unreadable\)`, bare(s.shown()))
		}
		require.NotContains(t, s.shown(), "zz")
	})
}

func TestKeysAreDecoded(t *testing.T) {
	for in, want := range map[string][]rune{
		"q": {'q'}, "\x1b[A\x1b[B": {keyUp, keyDown}, "\x1bOCx": {keyRight, 'x'}, "\x1b[5~": {keyPageUp}, "\x1b[Z": {keyBackTab},
		"\x1b": {keyEscape}, "\x1bq": {keyEscape, 'q'}, "鎖": {'鎖'}, "\xff": {0}, "\x1b[200~a": {0, 'a'}, "\x1b[1;5": {0}, "\xe9\x8e": {0, 0},
	} {
		var got []rune
		for b := []byte(in); len(b) > 0; {
			k, n := decode(b, false)
			if n == 0 {
				k, n = decode(b, true)
			}
			got, b = append(got, k), b[n:]
		}
		require.Equal(t, want, got, "%q", in)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x1b[A"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			_, n := decode(b, true)
			require.Positive(t, n)
			b = b[n:]
		}
	})
}
