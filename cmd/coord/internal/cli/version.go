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
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of coord, of Go and of the embedded etcd",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			text, err := currentVersion().render(format)
			if err == nil {
				_, err = a.Out.Write(text)
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text, json or yaml")
	return cmd
}

// versionView is what the command was built from.
type versionView struct {
	Version  string  `json:"version"`
	Go       string  `json:"go"`
	Platform string  `json:"platform"`
	Etcd     *string `json:"etcd"` // null if there is none in it
}

func currentVersion() *versionView {
	v := &versionView{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	if devserver.Linked {
		server := devserver.Version
		v.Etcd = &server
	}
	return v
}

func (v *versionView) render(format string) ([]byte, error) {
	switch format {
	case "json":
		return encodeJSON(v, "  ")
	case "yaml":
		return encodeYAML(v)
	case "text":
		server := "none (built with the tag nolocal)"
		if v.Etcd != nil {
			server = *v.Etcd
		}
		return fmt.Appendf(nil, "coord %s\ngo %s %s\nembedded etcd %s\n", v.Version, v.Go, v.Platform, server), nil
	}
	return nil, usageError("--output %q: want text, json or yaml", format)
}
