package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// hunter runs tests.
type hunter struct {
	root  string          // of the module
	bound time.Duration   // for one run
	sound map[finder]bool // those that have been seen to pass without a bug
}

// hunt plants the bug and runs its finders until one of them fails, which it returns: "package.Test", with the subtest that failed first.
// Empty: none did. A finder that fails without a bug is an error.
func (h *hunter) hunt(ctx context.Context, m mutant) (string, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.plant(h.root, dir)
	if err != nil {
		return "", err
	}
	finders, err := m.finders()
	if err != nil {
		return "", err
	}
	for _, f := range finders {
		if err := h.check(ctx, f); err != nil {
			return "", err
		}
		failed, err := h.run(ctx, f, overlay)
		if err != nil {
			return "", err
		}
		if failed != "" {
			return f.pkg + "." + failed, nil
		}
	}
	return "", nil
}

// check returns an error unless the test passes without a bug.
func (h *hunter) check(ctx context.Context, f finder) error {
	if h.sound[f] {
		return nil
	}
	failed, err := h.run(ctx, f, "")
	if err == nil && failed != "" {
		err = fmt.Errorf("%s.%s fails without a bug", f.pkg, failed)
	}
	h.sound[f] = err == nil
	return err
}

// run runs the test, and returns what of it failed first; empty if all passes. The error is that it could not be run.
func (h *hunter) run(ctx context.Context, f finder, overlay string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, h.bound+time.Minute) // the rest is for the compiler
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-failfast", "-count=1",
		"-overlay="+overlay, "-timeout="+h.bound.String(), "-run="+f.pattern(), "./"+f.pkg)
	cmd.Dir = h.root
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	failed, ran, built := firstFailed(stdout.Bytes())
	var exit *exec.ExitError
	switch {
	case err == nil && ran:
		return "", nil
	case err == nil:
		return "", fmt.Errorf("there is no test %s in %s", f.test, f.pkg)
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !errors.As(err, &exit):
		return "", err
	case !built:
		return "", fmt.Errorf("it does not compile: %s%s", stderr.String(), stdout.String())
	}
	return failed, nil
}

// pattern is what -run wants for the test.
func (f finder) pattern() string {
	parts := strings.Split(f.test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(strings.ReplaceAll(p, " ", "_")) + "$"
	}
	return strings.Join(parts, "/")
}

// event is a line of `go test -json`.
type event struct {
	Action string
	Test   string
	Output string
}

// firstFailed reads the output of `go test -json`. A test that panicked or hung, and took the process with it, is the one that was begun
// last and has not ended.
func firstFailed(output []byte) (failed string, ran, built bool) {
	var running []string
	built = true
	for lines := bufio.NewScanner(bytes.NewReader(output)); lines.Scan(); {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		switch {
		case e.Action == "build-fail":
			built = false
		case e.Action == "run":
			running, ran = append(running, e.Test), true
		case e.Action == "fail" && e.Test != "" && failed == "":
			failed = e.Test
		}
		if e.Action == "pass" || e.Action == "skip" || e.Action == "fail" {
			running = without(running, e.Test)
		}
	}
	if failed == "" && len(running) > 0 {
		failed = running[len(running)-1]
	}
	return failed, ran, built
}

func without(all []string, gone string) []string {
	var left []string
	for _, s := range all {
		if s != gone {
			left = append(left, s)
		}
	}
	return left
}
