package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/coordkit/coord/"

// pkg is what `go list -json` says of a package; imports are the tests' too.
type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func (p pkg) all() []string {
	return append(append(append([]string{}, p.Imports...), p.TestImports...), p.XTestImports...)
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"...")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %s", exit.Stderr)
	}
	require.NoError(t, err)
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return pkgs
		} else {
			require.NoError(t, err)
		}
		pkgs = append(pkgs, p)
	}
}

// under says whether path is the package or folder dir, or below it.
func under(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func underAny(path string, dirs ...string) bool {
	for _, dir := range dirs {
		if under(path, dir) {
			return true
		}
	}
	return false
}

func external(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

func TestArrowsRunDownwards(t *testing.T) {
	// Below each folder, what of this module it may import, beside itself.
	allowed := map[string][]string{
		"kv/kvtest":  {"kv"},
		"kv":         {},
		"backends":   {"kv"},
		"primitives": {"kv"},
	}
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, folder := range []string{"kv/kvtest", "kv", "backends", "primitives"} {
			if !under(path, folder) {
				continue
			}
			for _, imp := range p.Imports {
				inner, ours := strings.CutPrefix(imp, module)
				if ours && !underAny(inner, append(allowed[folder], folder)...) {
					t.Errorf("%s imports %s", path, inner)
				}
			}
			break
		}
	}
}

func TestContractImportsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != module+"kv" {
			continue
		}
		for _, imp := range p.Imports {
			require.False(t, external(imp), "kv imports %s", imp)
		}
	}
}

func TestServerStaysOutOfTheLibrary(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range p.all() {
			if under(imp, "go.etcd.io/etcd/server/v3") && !underAny(path, "cmd/coord/internal/devserver", "test") {
				t.Errorf("%s, or a test beside it, imports the etcd server (%s): whoever imports it gets its go.sum lines", path, imp)
			}
			if under(imp, "github.com/spf13/cobra") && !under(path, "cmd") {
				t.Errorf("%s imports %s", path, imp)
			}
		}
	}
}

func TestPrimitivesAndMemoryKnowNoEtcd(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if !underAny(path, "kv", "primitives", "backends/memory") {
			continue
		}
		for _, imp := range p.all() {
			if underAny(imp, "go.etcd.io", "google.golang.org/grpc") || under(imp, module+"backends/etcd") {
				t.Errorf("%s, or a test beside it, imports %s", path, imp)
			}
		}
	}
}
