package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A bubble of the testing package's own crashes the race detector, seldom enough to be taken for something else. Users cannot import
// ours, so examples/testing shows them what it does, and makes its own.
func TestBubblesAreMadeInOnePlace(t *testing.T) {
	call := "synctest." + "Test("
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasPrefix(path, "../../internal/bubble/") {
			return err
		}
		text, err := os.ReadFile(path)
		if path == "../../examples/testing/report_test.go" && strings.Contains(string(text), "runtime.GOMAXPROCS(1)") {
			return err
		}
		if strings.Contains(string(text), call) {
			t.Errorf("%s calls %s…), not bubble.Test", path, call)
		}
		return err
	}))
}
