//go:build linux

package linear

import (
	"os"
	"testing"

	"github.com/coordkit/coord/test/internal/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m.Run, nil)) }
