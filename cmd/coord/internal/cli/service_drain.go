//go:build unix

package cli

import (
	"cmp"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

func newServiceDrainCmd(a *app) *cobra.Command {
	o := &drainOptions{app: a}
	cmd := &cobra.Command{
		Use:   "drain NAME ID",
		Short: "Have clients turn away from an instance, or turn to it again",
		Long: `Have clients turn away from an instance of the service NAME, whatever it says of itself, until --undo. It stays registered, and is not
ended: it finishes what it has. It is told, and keeps the order over its own updates. A client that has not heard of it yet may still come.

Exit code 1: there is no such instance.`,
		Args: exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.service, o.id = args[0], args[1]
			// An instance that is otherwise without fault, for its ID.
			if err := cmp.Or(registry.ValidateService(o.service), (&registry.Instance{Service: o.service, ID: o.id}).Validate()); err != nil {
				return exit(exitUsage, err)
			}
			if o.id == "" {
				return usageError("which of its instances?")
			}
			return a.withStore(cmd.Context(), answerWithin, o.run)
		},
	}
	cmd.Flags().BoolVar(&o.undo, "undo", false, "take the order back")
	return cmd
}

type drainOptions struct {
	app         *app
	service, id string
	undo        bool
}

func (o *drainOptions) run(ctx context.Context, st kv.Storage) error {
	r := registry.New(st, nil)
	order, done := r.Drain, "drained"
	if o.undo {
		order, done = r.Undrain, "what it says of itself again"
	}
	switch err := order(ctx, o.service, o.id); {
	case errors.Is(err, registry.ErrNoInstance):
		return exit(exitNo, err)
	case err != nil:
		return err
	}
	o.app.say("instance %q of service %q is %s\n", o.id, o.service, done)
	return nil
}
