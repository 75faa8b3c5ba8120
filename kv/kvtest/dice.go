package kvtest

import (
	"encoding/binary"
	"math/rand/v2"
)

// dice make the choices of a sequence of operations. The same dice throw the same again.
type dice interface {
	// intN is one of 0 to n-1.
	intN(n int) int
	// more says whether the sequence goes on.
	more() bool
}

// seeded are dice of a pseudo-random generator, for a number of operations.
type seeded struct {
	*rand.Rand
	ops int
}

func newSeeded(seed uint64, ops int) *seeded { return &seeded{rand.New(rand.NewPCG(seed, 0)), ops} }

func (s *seeded) intN(n int) int { return s.IntN(n) }

func (s *seeded) more() bool {
	s.ops--
	return s.ops >= 0
}

// written are dice whose throws are the bytes of a program, such as a fuzzer's. Each choice takes one byte, and large ones four.
type written struct{ program []byte }

func (w *written) more() bool { return len(w.program) > 0 }

func (w *written) intN(n int) int {
	var word [4]byte
	size := 1
	if n > 1<<8 {
		size = len(word)
	}
	w.program = w.program[copy(word[:size], w.program):]
	return int(binary.LittleEndian.Uint32(word[:]) % uint32(n))
}
