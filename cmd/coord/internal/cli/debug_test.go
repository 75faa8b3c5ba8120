//go:build unix

package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDebugTellsOfSettingsAndOfCallsOnTheStore(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.env = map[string]string{debugVariable: "1"}
		out, messages, code := b.run("kv", "put", "k", "the-value")
		require.Zero(t, code)
		require.Regexp(t, `^[0-9]+\n$`, out, "data stays apart")
		require.Contains(t, messages, `level=DEBUG msg=begin command="coord kv put" `)
		require.Contains(t, messages, "msg=call op=create key=k took=")
		require.Contains(t, messages, "msg=end code=0\n")
		_, messages, code = b.run("--debug=false", "kv", "get", "k")
		require.Zero(t, code)
		require.Empty(t, messages, "the flag counts more")

		b.env = nil
		_, messages, code = b.run("kv", "create", "k", "the-value", "--debug", "-q")
		require.Equal(t, exitNo, code)
		require.Contains(t, messages, `msg=call op=create key=k took=`)
		require.Contains(t, messages, `err="create \"k\": already exists`)
		require.Contains(t, messages, "msg=end code=1\n")
		require.NotContains(t, messages, "the-value", "values are not told")

		p := b.start("kv", "watch", "--debug")
		p.wrote()
		require.Contains(t, p.messages.take(), `msg="call begins" op="watch range"`, "what lasts is told when it begins")
		p.stop()
		<-p.code
		require.Contains(t, p.messages.take(), "msg=end code=0\n")
	})
}

func TestDebugTellsWhereEachSettingIsFrom(t *testing.T) {
	b := withContexts(t, twoContexts)
	b.env["COORD_DIAL_TIMEOUT"] = "3s"
	_, messages, code := b.run("--debug", "--context", "prod", "--server-name", "s", "context", "show")
	require.Zero(t, code)
	for _, want := range []string{
		"name=context source=--context value=prod\n", `name=endpoints source="context \"prod\"" value=`,
		"name=server-name source=--server-name value=s\n",
	} {
		require.Contains(t, messages, "msg=setting "+want)
	}
	require.NotContains(t, messages, "name=cert ", "what is not set is not told")
	_, messages, code = b.run("--debug", "--context", "none", "context", "show")
	require.Zero(t, code)
	require.Contains(t, messages, `msg=setting name=endpoints source="local store"`)
	require.Contains(t, messages, "msg=setting name=dial-timeout source=COORD_DIAL_TIMEOUT value=3s\n")
}

func TestDebugThatIsNeitherTrueNorFalseIsRefused(t *testing.T) {
	b := &bench{t: t, env: map[string]string{debugVariable: "loud"}}
	require.Contains(t, b.no(exitConfig, "version"), `COORD_DEBUG="loud"`)
}

func TestCompletionIsNotDebugged(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.env = map[string]string{debugVariable: "1"}
		_, messages, code := b.run("__complete", "lock", "describe", "")
		require.Zero(t, code)
		require.NotContains(t, messages, "DEBUG")
	})
}

func TestNameBesideAPasswordThatHoldsOneIsNotShown(t *testing.T) {
	b := withContexts(t, twoContexts)
	out, messages, code := b.run("--debug", "--endpoints", "a:1", "--user", "ann:hush", "--password", "hush", "context", "show")
	require.Zero(t, code)
	require.Contains(t, out, "ann:(hidden)")
	require.NotContains(t, out+messages, "hush")
}

func TestAddressWithAPasswordInItIsRefusedAndNotShown(t *testing.T) {
	const address = "http://ann:hush@a:1"
	for name, b := range map[string]*bench{
		"flag": withContexts(t, ""), "variable": withContexts(t, ""),
		"context": withContexts(t, "current: c\ncontexts: {c: {endpoints: ['"+address+"']}}"),
	} {
		var args []string
		switch name {
		case "flag":
			args = []string{"--endpoints", address}
		case "variable":
			b.env["COORD_ENDPOINTS"] = address
		}
		for _, command := range []string{"context show", "lock ls", "run -v l true", "doctor"} {
			out, messages, code := b.run(append(args, append([]string{"--debug"}, strings.Fields(command)...)...)...)
			require.NotZero(t, code, "%s: %s", name, command)
			require.Contains(t, out+messages, "settings of their own", name)
			require.NotContains(t, out+messages, "hush", name)
		}
	}
}
