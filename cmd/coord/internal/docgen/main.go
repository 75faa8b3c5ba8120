//go:build unix

// Command docgen writes docs/command.md, the page of all commands of coord with their flags, from the commands themselves; with -man DIR it
// writes manual pages instead. It is run at the root of the repository:
//
//	go run ./cmd/coord/internal/docgen
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/coordkit/coord/cmd/coord/internal/cli"
)

// page is where the page is, seen from the root of the repository.
const page = "docs/command.md"

func main() {
	man := flag.String("man", "", "write manual pages into this directory")
	flag.Parse()
	if err := write(*man); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func write(man string) error {
	if man == "" {
		return os.WriteFile(page, markdown(cli.Tree()), 0o644)
	}
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	for name, text := range manual(cli.Tree()) {
		if err := os.WriteFile(filepath.Join(man, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
