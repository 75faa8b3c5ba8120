//go:build unix

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/cmd/coord/internal/contexts"
)

func newContextUseCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "use NAME",
		Short: "Make a context the current one",
		Long: `Make a context the current one: it is used where neither flags nor the environment name a store. With the name none no context is current,
and the local store is used there.`,
		Args: exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			err := a.changeContexts(func(f *contexts.File) error { return f.Use(args[0]) })
			switch {
			case err != nil:
				return err
			case args[0] == contexts.None:
				a.tell("no context is current")
			default:
				a.tell("context %q is the current one", args[0])
			}
			return nil
		},
	}
}

func newContextRmCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME",
		Short: "Remove a context",
		Long:  "Remove a context from the file. If it was the current one, none is.",
		Args:  exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			current := false
			err := a.changeContexts(func(f *contexts.File) error {
				current = f.Current == args[0]
				return f.Remove(args[0])
			})
			switch {
			case err != nil:
				return err
			case current:
				a.tell("context %q is removed, and no context is current", args[0])
			default:
				a.tell("context %q is removed", args[0])
			}
			return nil
		},
	}
}

func (a *app) changeContexts(change func(f *contexts.File) error) error {
	path, home, err := a.configFile()
	if err != nil {
		return err
	}
	if _, err := contexts.Update(path, home, change, nil); err != nil {
		return exit(exitConfig, fmt.Errorf("contexts: %w", err))
	}
	return nil
}
