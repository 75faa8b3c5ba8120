package top

import "unicode/utf8"

// Keys that are no character. A character is its own key.
const (
	keyUp rune = -1 - iota
	keyDown
	keyLeft
	keyRight
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
	keyBackTab
	keyEscape
)

const (
	ctrlC     = 0x03
	ctrlL     = 0x0c
	ctrlU     = 0x15
	ctrlZ     = 0x1a
	tab       = '\t'
	enter     = '\r'
	backspace = 0x7f
)

// act is what a key asks of who runs the view.
type act int

const (
	nothing act = iota
	quit
	suspend
	redraw
)

// key does what a key stands for.
func (v *view) key(k rune) act {
	switch k {
	case ctrlC:
		return quit
	case ctrlZ:
		return suspend
	case ctrlL:
		return redraw
	}
	if v.typing {
		v.write(k)
		return nothing
	}
	switch k {
	case 'q', 'Q':
		return quit
	case '/':
		v.typing = true
	case keyEscape:
		v.filter = ""
	case 's':
		v.order = (v.order + 1) % order(orders)
	case 'r':
		v.reverse = !v.reverse
	case enter, '\n', ' ':
		v.hidden = !v.hidden
	case tab, keyRight, 'l':
		v.turn(1)
	case keyBackTab, keyLeft, 'h':
		v.turn(-1)
	case '0', '1', '2', '3', '4':
		v.tab, v.scroll = int(k-'0'), 0
	default:
		v.moveBy(k)
	}
	return nothing
}

func (v *view) turn(n int) { v.tab, v.scroll = (v.tab+n+kinds+1)%(kinds+1), 0 }

func (v *view) moveBy(k rune) {
	const far = 1 << 30
	page := max(1, v.rows/2)
	switch k {
	case keyUp, 'k':
		v.move(-1)
	case keyDown, 'j':
		v.move(1)
	case keyPageUp:
		v.move(-page)
	case keyPageDown:
		v.move(page)
	case keyHome, 'g':
		v.move(-far)
	case keyEnd, 'G':
		v.move(far)
	}
}

// write takes a key for the filter.
func (v *view) write(k rune) {
	switch {
	case k == enter || k == '\n':
		v.typing = false
	case k == keyEscape:
		v.typing, v.filter = false, ""
	case k == backspace || k == '\b':
		_, n := utf8.DecodeLastRuneInString(v.filter)
		v.filter = v.filter[:len(v.filter)-n]
	case k == ctrlU:
		v.filter = ""
	case k < 0:
		v.moveBy(k)
	case k >= ' ':
		v.filter += string(k)
	}
}

// sequences are what terminals send for keys that are no character, after ESC.
var sequences = map[string]rune{
	"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft, "OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft,
	"[5~": keyPageUp, "[6~": keyPageDown, "[H": keyHome, "[F": keyEnd, "OH": keyHome, "OF": keyEnd, "[1~": keyHome, "[4~": keyEnd,
	"[7~": keyHome, "[8~": keyEnd, "[Z": keyBackTab,
}

// decode reads one key from what a terminal has sent, and returns how many bytes it takes: 0 if more of it must come first, which is never
// so if last says that nothing more comes. A sequence that is unknown here is a key without a meaning: 0.
func decode(b []byte, last bool) (k rune, n int) {
	if b[0] != 0x1b {
		if !utf8.FullRune(b) && !last {
			return 0, 0
		}
		k, n = utf8.DecodeRune(b)
		if k == utf8.RuneError && n == 1 {
			k = 0
		}
		return k, n
	}
	switch {
	case len(b) == 1 && !last:
		return 0, 0
	case len(b) == 1 || b[1] != '[' && b[1] != 'O':
		return keyEscape, 1
	}
	for i := 2; i < len(b); i++ {
		if b[i] >= 0x40 && b[i] <= 0x7e {
			return sequences[string(b[1:i+1])], i + 1
		}
	}
	if last {
		return 0, len(b)
	}
	return 0, 0
}
