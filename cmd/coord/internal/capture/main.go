//go:build linux

// Command capture writes docs/coord.svg, the picture of coord in the README: what real runs of the command print, on a store with a few
// holders whose names are made up. It is run at the root of the repository:
//
//	go run ./cmd/coord/internal/capture
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// picture is where the picture is, seen from the root of the repository.
const picture = "docs/coord.svg"

// The size of the picture's terminal.
const columns, rows = 108, 21

func main() {
	if err := capture(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "capture:", err)
		os.Exit(1)
	}
}

func capture(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "coord")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "coord")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/coord").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "deploy.sh"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		return err
	}
	store, err := start(ctx, binary)
	if err != nil {
		return err
	}
	defer store.stop()
	cast, err := fill(ctx, store.endpoint)
	if err != nil {
		return err
	}
	defer cast.leave(ctx)
	at := place{binary: binary, dir: dir, endpoint: store.endpoint}
	var lines []line
	for _, c := range []string{"coord run -w 2 deploy ./deploy.sh", "coord lock ls", "coord lock describe deploy"} {
		out, code, err := at.run(ctx, c)
		if err != nil {
			return err
		}
		lines = append(append(append(lines, prompt(c)), out...), ended(code)...)
	}
	screen, err := at.watch(ctx, "coord top", columns, rows)
	if err != nil {
		return err
	}
	lines = append(append(lines, prompt("coord top")), screen...)
	return os.WriteFile(picture, svg(lines), 0o644)
}
