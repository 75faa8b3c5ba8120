package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// leftLease is a lease with so much time left.
type leftLease struct {
	kv.Lease
	left time.Duration
}

func (l *leftLease) TTL() time.Duration { return l.left }
func (l *leftLease) Id() kv.LeaseId     { return 1 }

// The lease may end between a look at whether it lives and the look at what is left.
func TestALeaseThatIsLostIsNotLate(t *testing.T) {
	const ttl, margin = 10 * time.Second, 2 * time.Second
	for _, c := range []struct {
		left time.Duration
		told []EventKind
	}{
		{ttl, nil}, {ttl / 2, []EventKind{LeaseLate}}, {margin + 1, []EventKind{LeaseLate}}, {margin, nil}, {0, nil}, {-time.Second, nil},
	} {
		var told []EventKind
		s := New(nil, &Options{TTL: ttl, Margin: margin, OnEvent: func(e Event) { told = append(told, e.Kind) }})
		lease := &leftLease{left: ttl}
		p := newPulse(newTenure(s, lease))
		p.feel()
		lease.left = c.left
		p.feel()
		require.Equal(t, c.told, told, "%v left", c.left)
	}
}
