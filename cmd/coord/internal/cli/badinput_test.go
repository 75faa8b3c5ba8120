//go:build unix

package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// eachCommand calls f with every command that does something, and the words that call it.
func eachCommand(f func(cmd *cobra.Command, words []string)) {
	var each func(cmd *cobra.Command)
	each = func(cmd *cobra.Command) {
		if cmd.Runnable() {
			f(cmd, strings.Fields(cmd.CommandPath())[1:])
		}
		for _, sub := range cmd.Commands() {
			each(sub)
		}
	}
	each(newRoot(&app{}))
}

func TestUnknownFlagIsToldByEveryCommandWithItsUsage(t *testing.T) {
	eachCommand(func(cmd *cobra.Command, words []string) {
		out, messages, code := call(t, append(words, "--no-such-flag")...)
		require.Equal(t, exitUsage, code, "%v: %s", words, messages)
		require.Empty(t, out, "%v", words)
		said, usage, _ := strings.Cut(messages, "\n")
		require.Equal(t, "coord: unknown flag: --no-such-flag", said)
		require.Regexp(t, `^usage: `+cmd.CommandPath()+`.*\n$`, usage)
	})
}

// further are the arguments behind the name.
var further = map[string][]string{
	"run": {"true"}, "elect": {"true"}, "kv put": {"v"}, "kv create": {"v"}, "kv cas": {"1", "v"}, "semaphore limit": {"1"}, "service drain": {"i"}, "semaphore break": {"--token", "1"},
}

func TestNameThatIsNoTextIsRefusedByEveryCommand(t *testing.T) {
	seen := 0
	eachCommand(func(cmd *cobra.Command, words []string) {
		arguments := arguments(cmd)
		if len(arguments) == 0 || arguments[0] != "NAME" && arguments[0] != "LOCK" && arguments[0] != "KEY" && arguments[0] != "PREFIX" {
			return
		}
		seen++
		command := strings.Join(words, " ")
		t.Run(command, func(t *testing.T) {
			args := append(append(words, "\xffn\x1b[31m"), further[command]...)
			if cmd.Flags().Lookup("yes") != nil {
				args = append(args, "--yes")
			}
			onMemory(t, func(t *testing.T, b *bench) {
				code, want := exitUsage, "is not valid UTF-8"
				if words[0] == "context" {
					want = `"\xffn`
					if words[1] != "set" {
						code = exitConfig // of the file, there is none of that name
					}
					b.env = map[string]string{"COORD_CONFIG": "/no/such/file"}
				}
				message := b.no(code, args...)
				require.Contains(t, message, want)
				require.True(t, utf8.ValidString(message), "%q", message)
				require.NotContains(t, message, "\x1b")
			})
		})
	})
	require.Greater(t, seen, 20)
}
