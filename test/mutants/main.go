// Command mutants plants classic bugs in the code, one at a time, and shows which test finds each:
//
//	go run ./test/mutants                 all of them, and the table of docs/mutants.md on stdout
//	go run ./test/mutants -only fence     those whose name or file matches
//
// It writes nothing: each bug is an overlay of one file for `go test`. A bug names the tests that are expected to find it, which are run
// one after the other until one fails; each is seen to pass without a bug first. It exits with 1 if a bug survives, or does not compile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	only := flag.String("only", "", "plant only bugs whose name or file matches this regular expression")
	bound := flag.Duration("timeout", 2*time.Minute, "how long the tests of one package may take; one that hangs has found the bug")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *bound); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, bound time.Duration) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	h := &hunter{root: root, bound: bound, sound: map[finder]bool{}}
	var rows []row
	survived := 0
	for _, m := range all() {
		if !pattern.MatchString(m.name) && !pattern.MatchString(m.file) {
			continue
		}
		start := time.Now()
		found, err := h.hunt(ctx, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if found == "" {
			survived++
		}
		rows = append(rows, row{m, found})
		fmt.Fprintf(os.Stderr, "%6.1fs  %s: %s\n", time.Since(start).Seconds(), m.name, orSurvived(found))
	}
	fmt.Print(table(rows))
	if survived > 0 {
		return errors.New(fmt.Sprint(survived, " survived"))
	}
	return nil
}
