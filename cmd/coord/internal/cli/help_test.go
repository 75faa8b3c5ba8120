//go:build unix

package cli

import (
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestTopicsAreTold(t *testing.T) {
	b := &bench{t: t}
	for _, topic := range topics() {
		require.Contains(t, b.ok("help", topic.Name()), topic.Long)
		require.Contains(t, b.ok("help"), topic.Short)
	}
	require.Contains(t, b.ok("help", "lock", "wait"), "coord lock wait")
	require.Contains(t, b.ok("lock", "--help"), "coord lock")
	for _, args := range []string{"help nonsense", "help lock nonsense", "help exit-codes more"} {
		require.Contains(t, b.no(exitUsage, strings.Fields(args)...), "neither a command nor a topic")
	}
}

func TestTopicOfExitCodesHasAllThatThereAre(t *testing.T) {
	for _, code := range []int{exitNo, exitUsage, exitUnavailable, exitNotAcquired, exitLost, exitConfig, exitFailed, 126, 127} {
		require.Contains(t, exitCodesHelp, "\n  "+strconv.Itoa(code)+" ")
	}
}

func TestTopicOfTheEnvironmentHasAllSettings(t *testing.T) {
	root := newRoot(&app{})
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "quiet", "context", "debug":
		default:
			require.Contains(t, environmentHelp, " --"+f.Name)
			require.Contains(t, environmentHelp, " "+variableOf(f.Name))
		}
	})
	for _, s := range (&effective{}).views() {
		require.Contains(t, environmentHelp, s.Setting)
		require.Contains(t, contextsHelp, s.Setting)
	}
}
