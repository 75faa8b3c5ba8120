//go:build unix

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/cmd/coord/internal/devserver"
)

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of coord, of Go and of the embedded etcd",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			version := "(devel)"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			server := "none (built with the tag nolocal)"
			if devserver.Linked {
				server = devserver.Version
			}
			_, err := fmt.Fprintf(a.Out, "coord %s\ngo %s %s/%s\nembedded etcd %s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, server)
			return err
		},
	}
}
