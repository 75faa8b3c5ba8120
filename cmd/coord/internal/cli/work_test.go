//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

func TestOnlyWhatPassesIsTriedAgain(t *testing.T) {
	away := []error{
		exit(exitUnavailable, fmt.Errorf("no answer: %w", context.DeadlineExceeded)),
		fmt.Errorf("x: %w", kv.ErrUnavailable), fmt.Errorf("x: %w", kv.ErrUncertain),
	}
	for _, err := range away {
		require.True(t, (&work{held: true}).passing(err), "%v, of a store that has answered before", err)
		require.False(t, (&work{}).passing(err), "%v, of a store that never answered", err)
	}
	require.True(t, (&work{}).passing(exit(exitLost, session.ErrLost)), "a place in the queue that was lost")
	for _, err := range []error{
		exit(exitConfig, errors.New("no endpoint")), kv.ErrInvalid, kv.ErrClosed, interrupted(interruptedBy(unix.SIGTERM), context.Canceled),
	} {
		require.False(t, (&work{held: true}).passing(err), "%v", err)
	}
}
