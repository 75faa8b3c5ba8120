package pick

import (
	"errors"
	"fmt"
	"strings"

	"github.com/coordkit/coord/primitives/registry"
)

// ErrNone is that of a pick for which there was no instance. The error is a *NoneError.
var ErrNone = errors.New("no instance to pick")

// NoneError says that there was no instance to pick, and what there was instead. It is ErrNone. It is shared by all picks from
// the same snapshot, and must not be changed.
type NoneError struct {
	Service string
	// Health is the snapshot's. If it is [registry.Never], nothing is known yet, and to wait a moment may be all that is
	// needed.
	Health registry.Health
	// Starting, NotServing and Draining are how many instances were there and passed the filters, by status. Other are
	// those of a status unknown to this version.
	Starting, NotServing, Draining, Other int
	// Filtered are how many did not pass the filters, whatever their status.
	Filtered int
	// Err is the snapshot's: why the store does not answer, if it does not.
	Err error
}

// Error says of which service there was none, and why.
func (e *NoneError) Error() string {
	s := fmt.Sprintf("no instance of %q to pick: %s", e.Service, e.why())
	if e.Health == registry.Stale {
		s += " (stale)"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *NoneError) why() string {
	all := e.Starting + e.NotServing + e.Draining + e.Other + e.Filtered
	if all == 0 {
		if e.Health == registry.Never {
			return "nothing is known of the service yet"
		}
		return "none is registered"
	}
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{e.Starting, "starting"}, {e.NotServing, "not serving"}, {e.Draining, "draining"}, {e.Other, "of unknown status"},
		{e.Filtered, "filtered out"},
	} {
		switch {
		case c.n == all:
			return fmt.Sprintf("all (%d) %s", c.n, c.what)
		case c.n > 0:
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Is says that the error is ErrNone.
func (e *NoneError) Is(target error) bool { return target == ErrNone }

// Unwrap returns why the store does not answer, if it does not.
func (e *NoneError) Unwrap() error { return e.Err }
