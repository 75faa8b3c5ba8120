package session

import "errors"

// Why a hold is over. Test with errors.Is: the error at hand also says the reason.
var (
	// ErrLost: what was held was lost before it was given back: the lease is over or no longer provably alive, or the
	// hold's key was deleted by somebody else.
	ErrLost = errors.New("lost")
	// ErrReleased: what was held was given back by its holder, or its session was closed.
	ErrReleased = errors.New("released")
)

func isLost(err error) bool { return errors.Is(err, ErrLost) }
