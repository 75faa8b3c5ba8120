//go:build unix

package cli

import (
	"github.com/spf13/cobra"

	"github.com/coordkit/coord/cmd/coord/internal/dev"
)

func newDevCmd(a *app) *cobra.Command {
	o := &dev.Options{Out: a.Out, Err: a.Err}
	cmd := &cobra.Command{
		Use:   "dev [flags] [[--] CMD [ARGS...]]",
		Short: "Run a store of its own for development, and CMD on it",
		Long: `Run a store of its own: a real etcd in a temporary directory, without fsync, which is gone when coord dev ends. It listens for the
users of this host (--listen), without authentication.

With CMD it runs that with COORD_ENDPOINTS and ETCDCTL_ENDPOINTS set, ends with it and exits with its exit code. Without, it prints the
endpoint on a line of its own and serves until it is interrupted.

status and stop are about another store: the one that runs in the background where no endpoint is configured. A CMD of that name needs --.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && args[0] == "--" {
				args = args[1:]
			}
			o.Command = args
			code, err := dev.Run(cmd.Context(), o)
			if code == 0 && err == nil {
				return nil
			}
			return exit(code, err)
		},
	}
	cmd.AddCommand(newDevStatusCmd(a), newDevStopCmd(a))
	cmd.Flags().SetInterspersed(false) // what follows CMD is its own
	cmd.Flags().StringVar(&o.Listen, "listen", dev.DefaultListen, "address to listen on; port 0 is any free one")
	return cmd
}
