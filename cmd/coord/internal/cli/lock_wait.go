//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func newLockWaitCmd(a *app) *cobra.Command {
	var wait string
	o := &lockWaitOptions{app: a, wait: maxDuration}
	cmd := &cobra.Command{
		Use:   "wait NAME",
		Short: "Wait until nobody holds a lock",
		Long: `Wait until nobody holds a lock, nor waits for it: whoever waits holds it next. It takes no place in the line and holds nothing afterwards.

Exit code 75: it was still held after --wait.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.name = args[0]
			if err := mutex.ValidateName(o.name); err != nil {
				return exit(exitUsage, err)
			}
			if wait != "" {
				if o.wait, err = seconds(wait); err != nil {
					return usageError("--wait %q: %w", wait, err)
				}
			}
			return a.withStore(cmd.Context(), maxDuration, o.run)
		},
	}
	cmd.Flags().StringVarP(&wait, "wait", "w", "", "give up after this long (5s, 1m30s, or plain seconds); 0 only asks")
	return cmd
}

type lockWaitOptions struct {
	app  *app
	name string
	wait time.Duration
}

func (o *lockWaitOptions) run(ctx context.Context, st kv.Storage) error {
	end := time.Now().Add(o.wait)
	bounded, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	for first := true; ; first = false {
		h, err := o.holder(ctx, st, first, end)
		switch {
		case err != nil:
			return err
		case h.Key == "":
			return nil
		}
		if err := untilGone(bounded, st, h.Key); err != nil {
			if bounded.Err() != nil && ctx.Err() == nil {
				return exit(exitNotAcquired, fmt.Errorf("lock %q is held by %s under token %d", o.name, h, h.Token))
			}
			return err
		}
	}
}

// holder returns who holds the lock, or the zero Entry. The first answer must come in time; later an outage is waited out as long as there is
// time to wait.
func (o *lockWaitOptions) holder(ctx context.Context, st kv.Storage, first bool, end time.Time) (mutex.Entry, error) {
	for {
		asked, cancel := context.WithTimeout(ctx, answerWithin)
		info, err := mutex.Inspect(asked, st, o.name)
		cancel()
		switch {
		case err == nil && len(info.Holders) == 0:
			return mutex.Entry{}, nil
		case err == nil:
			return info.Holders[0], nil
		case first || !isOutage(err) || ctx.Err() != nil || time.Now().After(end):
			return mutex.Entry{}, err
		}
		pause(ctx, retryRead)
	}
}

// untilGone returns nil when the record at key is not there any more, or may have made room for another.
func untilGone(ctx context.Context, st kv.Storage, key kv.Key) error {
	r, err := st.Get(ctx, key)
	for err == nil && r.Key != "" {
		r, err = st.WaitForVersionChange(ctx, key, r.Version)
	}
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return nil
	case isOutage(err) && ctx.Err() == nil:
		return nil // to be asked again
	}
	return err
}

// isOutage says whether the store may answer when it is asked again.
func isOutage(err error) bool {
	return errors.Is(err, kv.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

// pause waits for a while, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
