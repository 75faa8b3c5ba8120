package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mutant is a bug: in the file, the old text, which is in there once, is replaced by the new one.
type mutant struct {
	name     string
	file     string
	old, new string
	// by are the tests that are expected to find it, as "package.Test" or "package.Test/subtest".
	by []string
}

// mutate returns the file with the bug in it.
func (m mutant) mutate(source []byte) ([]byte, error) {
	if n := bytes.Count(source, []byte(m.old)); n != 1 {
		return nil, fmt.Errorf("the old text is in %s %d times, and has to be once:\n%s", m.file, n, m.old)
	}
	return bytes.Replace(source, []byte(m.old), []byte(m.new), 1), nil
}

// plant writes the file with the bug, and the overlay that puts it in the place of the right one, into dir.
func (m mutant) plant(root, dir string) (overlay string, err error) {
	path := filepath.Join(root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	wrong, err := m.mutate(source)
	if err != nil {
		return "", err
	}
	planted := filepath.Join(dir, "planted.go")
	overlay = filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: planted}})
	return overlay, errors.Join(err, os.WriteFile(planted, wrong, 0o600), os.WriteFile(overlay, replace, 0o600))
}

// finder is a test by its package and name.
type finder struct{ pkg, test string }

func (m mutant) finders() ([]finder, error) {
	var all []finder
	for _, by := range m.by {
		slash := strings.LastIndex(by, ".Test")
		if slash < 0 {
			return nil, fmt.Errorf("%q is no package.Test", by)
		}
		all = append(all, finder{by[:slash], by[slash+1:]})
	}
	return all, nil
}

// moduleRoot is the folder of this module, in which the command is run.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}
