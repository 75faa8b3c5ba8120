package pick

import (
	"math/bits"
	"math/rand/v2"
	"sync"
)

// dice are the chance that a picker uses. Safe for concurrent use.
type dice struct {
	mu  sync.Mutex
	src rand.Source // guarded by mu; nil: the generator of math/rand/v2, which needs no lock
}

func (d *dice) uint64() uint64 {
	if d.src == nil {
		return rand.Uint64()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.src.Uint64()
}

// below returns a number from 0 up to n-1, n > 0. One is more likely than another by no more than n/2⁶⁴.
func (d *dice) below(n int) int {
	i, _ := bits.Mul64(d.uint64(), uint64(n))
	return int(i)
}

// two returns two different numbers from 0 up to n-1, n > 1. Every pair, in either order, is as likely as any other, to within
// n²/2⁶⁴.
func (d *dice) two(n int) (int, int) {
	x := d.uint64()
	i, rest := bits.Mul64(x, uint64(n)) // rest is where in its part x lies: as good as a second throw
	j, _ := bits.Mul64(rest, uint64(n-1))
	if j >= i {
		j++
	}
	return int(i), int(j)
}
