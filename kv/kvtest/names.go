package kvtest

// names translate between the model's numbers 1, 2, 3 and what a store has in their place.
type names[T ~int64] struct {
	ids     []T     // of the number n at n-1
	numbers map[T]T // by id
}

// learn gives the next number to id.
func (n *names[T]) learn(id T) T {
	if n.numbers == nil {
		n.numbers = map[T]T{}
	}
	n.ids = append(n.ids, id)
	n.numbers[id] = T(len(n.ids))
	return T(len(n.ids))
}

// last is the newest id, or zero.
func (n *names[T]) last() T {
	if len(n.ids) == 0 {
		return 0
	}
	return n.ids[len(n.ids)-1]
}

// id returns what the store calls the number. Numbers that were never given are passed on: zero, negative and huge ones as they
// are, and those just beyond the last one just beyond the store's last.
func (n *names[T]) id(number T) T {
	const near = 1 << 20
	switch given := T(len(n.ids)); {
	case number > 0 && number <= given:
		return n.ids[number-1]
	case number > given && number < given+near:
		return n.last() + number - given
	}
	return number
}

// number returns the model's number for id: a negative one if the store should not know it.
func (n *names[T]) number(id T) T {
	if number, ok := n.numbers[id]; ok {
		return number
	}
	return min(id, -id)
}
