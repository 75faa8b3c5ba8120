// Package names turns the names that people give to locks, elections and services into parts of keys, and back.
package names

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/coordkit/coord/kv"
)

// MaxLen is the length of the longest name in bytes. Escaped three-fold and with what stands around it, it fits a key.
const MaxLen = 255

// Validate returns nil for a name of 1 to MaxLen bytes of valid UTF-8 without control characters, and otherwise an error
// that wraps kv.ErrInvalid. what says whose name it is: "lock".
func Validate(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: empty %s name", kv.ErrInvalid, what)
	case len(name) > MaxLen:
		return fmt.Errorf("%w: %s name of %d bytes, at most %d", kv.ErrInvalid, what, len(name), MaxLen)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: %s name is not valid UTF-8", kv.ErrInvalid, what)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%w: %s name %q has a control character", kv.ErrInvalid, what, name)
	}
	return nil
}

const hex = "0123456789ABCDEF"

// Escape writes every byte but A–Z a–z 0–9 - _ . ~ as %XX, so that a slash in a name is no slash in a key and no name is
// the beginning of another's keys.
func Escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// Unescape undoes Escape. It returns false for what Escape never wrote.
func Unescape(part string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(part); i++ {
		c := part[i]
		if plain(c) {
			b.WriteByte(c)
			continue
		}
		if c != '%' || i+2 >= len(part) {
			return "", false
		}
		hi, lo := strings.IndexByte(hex, part[i+1]), strings.IndexByte(hex, part[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	// Each name has one spelling only: a byte escaped without need would give it a second.
	return b.String(), Escape(b.String()) == part
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0
}
