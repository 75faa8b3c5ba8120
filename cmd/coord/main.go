//go:build unix

// Command coord runs programs under a distributed lock and shows who holds what. coord help tells how.
package main

import (
	"context"
	"os"

	"golang.org/x/term"

	"github.com/coordkit/coord/cmd/coord/internal/cli"
	"github.com/coordkit/coord/cmd/coord/internal/local"
	"github.com/coordkit/coord/cmd/coord/internal/title"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == local.ServeCommand {
		os.Exit(local.ServeMain(os.Args[2:]))
	}
	person := term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
	os.Exit(cli.Main(context.Background(), title.Hide(os.Args[1:]), cli.Std(person)))
}
