//go:build unix

package cli

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/semaphore"
)

// completes returns what the shell is offered after the words, the last of which is not finished, and cobra's directive.
func (b *bench) completes(words ...string) (offers []string, directive string) {
	b.t.Helper()
	out := b.ok(append([]string{"__completeNoDesc"}, words...)...)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	return lines[:len(lines)-1], lines[len(lines)-1]
}

// files and noFiles are the directives with which the shell completes names of files too, or does not.
const files, noFiles, noSpace = ":0", ":4", ":6"

func (b *bench) offers(directive, words string, want ...string) {
	b.t.Helper()
	got, d := b.completes(strings.Split(words, " ")...)
	require.Equal(b.t, append([]string{}, want...), append([]string{}, got...), words)
	require.Equal(b.t, directive, d, words)
}

func TestNamesOfWhatIsOnTheStoreAreOffered(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		s := b.owner("ci")
		for _, name := range []string{"deploy", "db/migrate", "$(rm -rf)", "two words", "-x", "~home", "a;b", "ü"} {
			_, err := mutex.New(s, name, nil).Lock(t.Context())
			require.NoError(t, err)
		}
		_, err := semaphore.New(s, "slots", 3, nil).Acquire(t.Context(), 1)
		require.NoError(t, err)
		_, err = election.New(s, "leader", nil).Campaign(t.Context())
		require.NoError(t, err)
		r := registry.New(b.st, nil)
		reg, err := r.Register(t.Context(), registry.Instance{Service: "web", ID: "i", Endpoints: []registry.Endpoint{{Address: "h:1"}}})
		require.NoError(t, err)
		defer func() { _ = r.Close(t.Context()) }()
		defer func() { _ = reg.Close(t.Context()) }()

		all := []string{"db/migrate", "deploy", "ü"}
		for _, words := range []string{"run ", "run -n ", "lock describe ", "lock wait ", "lock break -y "} {
			b.offers(noFiles, words, all...)
		}
		b.offers(noFiles, "run de", "deploy")
		b.offers(files, "run deploy ")
		b.offers(files, "run deploy -")
		b.offers(files, "run deploy make -")
		b.offers(noFiles, "run --slots 2 ", "slots")
		b.offers(noFiles, "lock describe deploy ")
		b.offers(noFiles, "lock ls ")
		b.offers(noFiles, "semaphore describe ", "slots")
		b.offers(noFiles, "semaphore limit ", "slots")
		b.offers(noFiles, "election describe ", "leader")
		b.offers(noFiles, "election resign ", "leader")
		b.offers(noFiles, "elect observe ", "leader")
		b.offers(noFiles, "elect --restart l", "leader")
		got, err := services(t.Context(), b.st, "")
		require.NoError(t, err)
		require.Equal(t, []string{"web"}, got)
	})
}

func TestKeysAreOfferedALevelAtATime(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		for _, key := range []string{"a", "app/x/1", "app/x/2", "app/y", "z\n"} {
			b.ok("kv", "put", key, "v")
		}
		b.offers(noFiles, "kv get ", "a", "app/")
		b.offers(noSpace, "kv get ap", "app/")
		b.offers(noFiles, "kv del app/", "app/x/", "app/y")
		b.offers(noFiles, "kv ls app/x/", "app/x/1", "app/x/2")
		b.offers(noFiles, "kv put a ")
		for _, sub := range []string{"get", "put", "create", "cas", "del", "ls", "watch"} {
			b.offers(noFiles, "kv "+sub+" app/y", "app/y")
		}
	})
}

func TestContextsFormatsShellsAndTopicsAreOffered(t *testing.T) {
	b := withContexts(t, twoContexts)
	b.offers(noFiles, "context use ", "lab", "none", "prod")
	b.offers(noFiles, "context show p", "prod")
	b.offers(noFiles, "context rm ", "lab", "prod")
	b.offers(noFiles, "context set l", "lab")
	b.offers(noFiles, "lock ls --context ", "lab", "none", "prod")
	b.offers(noFiles, "lock ls -o ", "table", "wide", "json", "jsonl", "yaml", "name")
	b.offers(noFiles, "elect observe -o ", "text", "jsonl")
	b.offers(noFiles, "completion ", "bash", "zsh", "fish", "powershell")
	b.offers(noFiles, "help exit", "exit-codes")
	b.offers(noFiles, "help lock d", "describe")
	b.offers(files, "lock ls --cacert ")
	got, _ := b.completes("lock", "ls", "--")
	require.Contains(t, got, "--watch")
	require.Contains(t, got, "--context")
}

// Every command that is about something that has a name offers names.
func TestEveryArgumentThatIsANameIsCompleted(t *testing.T) {
	a := &app{}
	root := newRoot(a)
	a.addCompletions(root)
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			check(sub)
		}
		words := arguments(cmd)
		if len(words) > 0 && (words[0] == "NAME" || words[0] == "LOCK" || words[0] == "KEY" || words[0] == "PREFIX" || words[0] == "LEASE") {
			require.NotNil(t, cmd.ValidArgsFunction, "%s: see addCompletions", cmd.CommandPath())
		}
	}
	check(root)
}

func TestWithoutAnAnswerNothingIsOfferedAndNothingSaid(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and never answers
	require.NoError(t, err)
	defer silent.Close()
	pipe := filepath.Join(t.TempDir(), "password")
	require.NoError(t, exec.Command("mkfifo", pipe).Run())
	for name, b := range map[string]*bench{
		"a store that hangs":        {env: map[string]string{"COORD_ENDPOINTS": silent.Addr().String()}},
		"a sign-in that hangs":      {env: map[string]string{"COORD_ENDPOINTS": silent.Addr().String(), "COORD_USER": "u:p"}},
		"nobody there":              {env: map[string]string{"COORD_ENDPOINTS": "127.0.0.1:1"}},
		"settings that cannot be":   {env: map[string]string{"COORD_ENDPOINTS": "http://["}},
		"a context that is not":     {env: map[string]string{"COORD_CONTEXT": "c", "HOME": t.TempDir()}},
		"a broken file of contexts": withContexts(t, "contexts: ["),
		"a password that hangs":     withContexts(t, "current: c\ncontexts: {c: {endpoints: 'a:1', user: u, password-file: "+pipe+"}}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, messages bytes.Buffer
			b.t = t
			began := time.Now()
			require.Zero(t, Main(t.Context(), []string{"__complete", "lock", "describe", ""}, b.io(&out, &messages)))
			require.Equal(t, ":4\n", out.String())
			require.Equal(t, "Completion ended with directive: ShellCompDirectiveNoFileComp\n", messages.String(), "cobra's, which shells drop")
			require.Less(t, time.Since(began), 20*time.Second)
		})
	}
}

func TestCompletionNeverStartsTheLocalStore(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	t.Setenv("XDG_STATE_HOME", state)
	t.Setenv("COORD_LOCAL", "")
	b := &bench{t: t}
	b.offers(noFiles, "lock describe ")
	b.offers(noFiles, "kv get ")
	_, err := os.Stat(state)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestScriptsAreWrittenForFourShells(t *testing.T) {
	b := &bench{t: t}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := b.ok("completion", shell)
		require.Contains(t, script, "__complete")
		if path, err := exec.LookPath(shell); err == nil && shell != "powershell" {
			cmd := exec.Command(path, "-n")
			cmd.Stdin = strings.NewReader(script)
			text, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s: %s", shell, text)
		}
	}
	require.Contains(t, b.no(exitUsage, "completion"), "for which shell?")
	require.Contains(t, b.no(exitUsage, "completion", "csh"), "csh")
}
