//go:build unix

// Package programs builds the programs of this module, and the tools that its tests use, and runs them.
package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build builds main packages of this module into a directory, each under the name of its own folder. Arguments are those of go build.
func Build(dir string, args ...string) error {
	args = append([]string{"build", "-o", dir + string(filepath.Separator)}, args...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Tool builds a tool of tools/go.mod, and puts it into a directory under its own name.
func Tool(dir, name string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	out, err := exec.Command("go", "tool", "-modfile="+filepath.Join(root, "tools/go.mod"), "-n", name).Output()
	if err != nil {
		return fmt.Errorf("go tool -n %s: %w%s", name, err, stderr(err))
	}
	return os.Symlink(strings.TrimSpace(string(out)), filepath.Join(dir, name))
}

// Root is the folder of this module.
func Root() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w%s", err, stderr(err))
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

func stderr(err error) string {
	if exit, ok := err.(*exec.ExitError); ok {
		return "\n" + string(exit.Stderr)
	}
	return ""
}

// Env is the environment of who runs the tests, without what says which store to use, and with what is given.
func Env(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "COORD_") && !strings.HasPrefix(v, "ETCD") {
			env = append(env, v)
		}
	}
	return append(env, more...)
}
