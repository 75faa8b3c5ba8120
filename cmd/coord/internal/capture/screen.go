//go:build linux

package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// cell is a place on a screen: a character and the numbers of its style.
type cell struct {
	r     rune
	style string
}

type line []cell

// screen is what a terminal shows of what coord sends: it knows no more than coord uses.
type screen struct {
	columns int
	lines   []line
	row     int
	column  int
	style   string
}

func newScreen(columns, rows int) *screen {
	return &screen{columns: columns, lines: make([]line, rows)}
}

func (s *screen) write(text string) {
	for text != "" {
		if rest, ok := strings.CutPrefix(text, "\x1b["); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				return
			}
			s.control(rest[:end], rest[end])
			text = rest[end+1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		switch r {
		case '\r':
			s.column = 0
		case '\n':
			s.row++
		default:
			s.put(r)
		}
	}
}

// control does what a sequence says: move, erase, or change the style.
func (s *screen) control(arguments string, what byte) {
	switch what {
	case 'H':
		s.row, s.column = 0, 0
		row, column, _ := strings.Cut(arguments, ";")
		if n, err := strconv.Atoi(row); err == nil {
			s.row = n - 1
		}
		if n, err := strconv.Atoi(column); err == nil {
			s.column = n - 1
		}
	case 'J':
		clear(s.lines)
	case 'K':
		if s.row < len(s.lines) && s.column < len(s.lines[s.row]) {
			s.lines[s.row] = s.lines[s.row][:s.column]
		}
	case 'm':
		s.style = arguments
	}
}

func (s *screen) put(r rune) {
	if s.row >= len(s.lines) || s.column >= s.columns {
		return
	}
	l := s.lines[s.row]
	for len(l) <= s.column {
		l = append(l, cell{r: ' '})
	}
	l[s.column] = cell{r, s.style}
	s.lines[s.row] = l
	s.column++
}
