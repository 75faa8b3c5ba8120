package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
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
		"backends":   {"kv"},
		"primitives": {"kv"},
		"observe":    {"kv", "primitives"},
	}
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for folder, may := range allowed {
			if !under(path, folder) {
				continue
			}
			for _, imp := range p.Imports {
				inner, ours := strings.CutPrefix(imp, module)
				if ours && !underAny(inner, append(may, folder)...) {
					t.Errorf("%s imports %s", path, inner)
				}
			}
		}
	}
}

// The contract and what decorates it cost their users nothing but the standard library, and each imports no more of the others than it
// is made with.
func TestContractAndDecoratorsImportTheStandardLibraryOnly(t *testing.T) {
	allowed := map[string][]string{
		"kv":            {},
		"kv/intercept":  {"kv"},
		"kv/count":      {"kv", "kv/intercept"},
		"kv/fault":      {"kv", "kv/intercept"},
		"kv/instrument": {"kv", "kv/intercept"},
	}
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if !under(path, "kv") || path == "kv/kvtest" {
			continue
		}
		may, known := allowed[path]
		require.True(t, known, "%s: say here what it may import", path)
		for _, imp := range p.Imports {
			inner, ours := strings.CutPrefix(imp, module)
			if external(imp) && !(ours && slices.Contains(may, inner)) {
				t.Errorf("%s imports %s", path, imp)
			}
		}
	}
}

// It has its fake time from internal/bubble, as all tests here.
func TestSuiteImportsTheContractOnly(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != module+"kv/kvtest" {
			continue
		}
		for _, imp := range p.Imports {
			inner, ours := strings.CutPrefix(imp, module)
			require.False(t, ours && inner != "kv" && inner != "internal/bubble", "kvtest imports %s", inner)
		}
	}
}

func TestNoTestBesideTheContractImportsABackend(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if !under(path, "kv") {
			continue
		}
		for _, imp := range p.all() {
			if under(imp, module+"backends") {
				t.Errorf("%s, or a test beside it, imports %s", path, imp)
			}
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

func TestModelBackendStaysInTheTests(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if under(path, "test") {
			continue
		}
		for _, imp := range p.all() {
			if under(imp, "go.etcd.io/bbolt") || under(imp, module+"test/boltkv") {
				t.Errorf("%s, or a test beside it, imports %s", path, imp)
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
			if under(imp, "google.golang.org/grpc") && path == resolver {
				continue
			}
			if underAny(imp, "go.etcd.io", "google.golang.org/grpc") || under(imp, module+"backends/etcd") {
				t.Errorf("%s, or a test beside it, imports %s", path, imp)
			}
		}
	}
}

// resolver is the one package of the primitives that is for gRPC, and needs it.
const resolver = "primitives/registry/grpcresolver"

func TestOnlyWhoUsesTheResolverLinksGRPC(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if underAny(path, "examples", "test", resolver) {
			continue
		}
		for _, imp := range p.all() {
			if under(imp, module+resolver) {
				t.Errorf("%s, or a test beside it, imports %s", path, imp)
			}
		}
	}
}

// What makes the registry useful elsewhere stands on it alone, and not on a backend; nor does it pull others of its kind in.
func TestIntegrationsOfTheRegistryStandOnItAlone(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if !underAny(path, resolver, "primitives/registry/httplb", "primitives/registry/promsd") {
			continue
		}
		for _, imp := range p.Imports {
			inner, ours := strings.CutPrefix(imp, module)
			if ours && !slices.Contains([]string{"kv", "primitives/registry"}, inner) {
				t.Errorf("%s imports %s", path, inner)
			}
		}
	}
}

// Who does not ask for it pays nothing for it; and who does, no SDK, which is for programs to choose.
func TestOnlyWhoObservesLinksOpenTelemetry(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range p.all() {
			switch {
			case under(path, "test"):
			case under(imp, "go.opentelemetry.io/otel/sdk"), under(imp, "go.opentelemetry.io") && !under(path, "observe"):
				t.Errorf("%s, or a test beside it, imports %s", path, imp)
			case under(imp, module+"observe") && !underAny(path, "observe", "examples"):
				t.Errorf("%s, or a test beside it, imports %s", path, imp)
			}
		}
	}
}
