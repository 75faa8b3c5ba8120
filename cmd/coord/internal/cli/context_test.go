//go:build unix

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/etcd"
)

// withContexts is a command whose file of contexts has this text, and no store.
func withContexts(t *testing.T, text string) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, env: map[string]string{"COORD_CONFIG": filepath.Join(dir, "config.yaml"), "COORD_LOCAL": "off"}}
	t.Setenv("COORD_LOCAL", "off")
	if text != "" {
		require.NoError(t, os.WriteFile(b.env["COORD_CONFIG"], []byte(text), 0o600))
	}
	return b
}

// shown is what context show says, by setting: the value and the source.
func (b *bench) shown(args ...string) map[string][2]string {
	b.t.Helper()
	shown := make(map[string][2]string)
	for line := range strings.Lines(b.ok(append([]string{"context", "show", "-o", "jsonl"}, args...)...)) {
		var v settingView
		require.NoError(b.t, json.Unmarshal([]byte(line), &v))
		value := "null"
		if v.Value != nil {
			value = *v.Value
		}
		shown[v.Setting] = [2]string{value, v.Source}
	}
	return shown
}

const twoContexts = `current: prod
contexts:
  prod: {endpoints: ['https://p:1'], cacert: /ca, user: ann, password: hush, dial-timeout: 9s}
  lab: {endpoints: ['http://l:1', 'http://l:2']}
`

func TestEachSettingComesFromTheFirstThatHasIt(t *testing.T) {
	b := withContexts(t, twoContexts)
	current := "current in " + b.env["COORD_CONFIG"]
	same := [2]string{"https://p:1", `context "prod"`}
	require.Equal(t, map[string][2]string{
		"context": {"prod", current}, "endpoints": same, "cacert": {"/ca", `context "prod"`}, "cert": {"null", "default"},
		"key": {"null", "default"}, "server-name": {"null", "default"}, "insecure-skip-tls-verify": {"null", "default"},
		"user": {"ann", `context "prod"`}, "password": {"(hidden)", `context "prod", in the file of contexts`},
		"dial-timeout": {"9s", `context "prod"`},
	}, b.shown())

	b.env["ETCDCTL_CACERT"], b.env["ETCDCTL_DIAL_TIMEOUT"], b.env["ETCDCTL_SERVER_NAME"] = "/etcdctl", "1s", "e"
	b.env["COORD_CACERT"], b.env["COORD_INSECURE_SKIP_TLS_VERIFY"] = "/coord", "false"
	got := b.shown("--dial-timeout", "2s")
	require.Equal(t, same, got["endpoints"])
	require.Equal(t, [2]string{"/coord", "COORD_CACERT"}, got["cacert"])
	require.Equal(t, [2]string{"2s", "--dial-timeout"}, got["dial-timeout"])
	require.Equal(t, [2]string{"e", "ETCDCTL_SERVER_NAME"}, got["server-name"])
	require.Equal(t, [2]string{"false", "COORD_INSECURE_SKIP_TLS_VERIFY"}, got["insecure-skip-tls-verify"])
	require.Equal(t, [2]string{"/flag", "--cacert"}, b.shown("--cacert", "/flag")["cacert"])
	got = b.shown("--context", "prod")
	require.Equal(t, [2]string{"/ca", `context "prod"`}, got["cacert"], "a context named by flag counts as flags do")
	require.Equal(t, [2]string{"e", "ETCDCTL_SERVER_NAME"}, got["server-name"], "what it does not say others do")

	b.env["COORD_PASSWORD"] = "hush2"
	require.Equal(t, [2]string{"ann", `context "prod"`}, b.shown()["user"])
	require.Equal(t, [2]string{"(hidden)", "COORD_PASSWORD"}, b.shown()["password"])
	require.Equal(t, [2]string{"null", "default"}, b.shown("--user", "bob")["password"], "it goes with another user")
	delete(b.env, "COORD_PASSWORD")
	b.env["COORD_USER"], b.env["ETCDCTL_PASSWORD"] = "eve:hush", "hush3"
	require.Equal(t, [2]string{"(hidden)", "COORD_USER"}, b.shown()["password"])
	require.Equal(t, [2]string{"eve", "COORD_USER"}, b.shown()["user"])
	require.Equal(t, [2]string{"(hidden)", "--user"}, b.shown("--user", "bob:hush")["password"])
}

func TestContextIsChosenByFlagThenVariableThenFile(t *testing.T) {
	b := withContexts(t, twoContexts)
	lab, prod := "http://l:1,http://l:2", "https://p:1"
	endpoints := func(args ...string) string { return b.shown(args...)["endpoints"][0] }
	require.Equal(t, prod, endpoints())
	b.env["COORD_CONTEXT"] = "lab"
	require.Equal(t, lab, endpoints())
	require.Equal(t, prod, endpoints("--context", "prod"))
	require.Equal(t, prod, endpoints("prod"))
	require.Equal(t, [2]string{"null", "local store"}, b.shown("--context", "none")["endpoints"])
	b.env["COORD_CONTEXT"] = "none"
	require.Equal(t, [2]string{"null", "local store"}, b.shown()["endpoints"])
	require.Equal(t, prod, endpoints("--context", "prod"))
	b.no(exitUsage, "context", "show", "--context", "prod", "lab")
	b.no(exitUsage, "context", "show", "--context", "")
}

func TestWhatGoesWithOneStoreIsNotUsedWithAnother(t *testing.T) {
	b := withContexts(t, twoContexts)
	unsafe := func(got map[string][2]string) {
		t.Helper()
		require.Equal(t, "null", got["cacert"][0])
		require.Equal(t, "null", got["user"][0])
		require.Equal(t, "null", got["password"][0])
	}
	// The context gives way to endpoints of the environment or of a flag ...
	unsafe(b.shown("--endpoints", "x:1"))
	b.env["COORD_CONTEXT"] = "prod"
	got := b.shown("--endpoints", "x:1")
	unsafe(got)
	require.Equal(t, [2]string{"null", `context "prod" is set aside: --endpoints names other endpoints`}, got["context"])
	b.env["ETCDCTL_ENDPOINTS"] = "http://e:1"
	got = b.shown()
	unsafe(got)
	require.Equal(t, [2]string{"http://e:1", "ETCDCTL_ENDPOINTS"}, got["endpoints"])
	require.Equal(t, [2]string{"null", `context "prod" is set aside: ETCDCTL_ENDPOINTS names other endpoints`}, got["context"])
	// ... unless they are its own, as they are to a coord that another one runs ...
	b.env["ETCDCTL_ENDPOINTS"] = "https://p:1"
	require.Equal(t, "ann", b.shown()["user"][0])
	// ... and the environment gives way to the flag, with all that goes with its store.
	b.env["ETCDCTL_ENDPOINTS"], b.env["COORD_USER"], b.env["COORD_CERT"], b.env["COORD_DIAL_TIMEOUT"] = "http://e:1", "eve:hush", "/eve", "3s"
	got = b.shown("--context", "lab")
	unsafe(got)
	require.Equal(t, "http://l:1,http://l:2", got["endpoints"][0])
	require.Equal(t, "null", got["cert"][0])
	require.Equal(t, [2]string{"3s", "COORD_DIAL_TIMEOUT"}, got["dial-timeout"])
	require.Equal(t, "ann", b.shown("--context", "prod")["user"][0])
	// Both flags ask for both.
	got = b.shown("--context", "prod", "--endpoints", "https://p:2")
	require.Equal(t, [2]string{"https://p:2", "--endpoints"}, got["endpoints"])
	require.Equal(t, "ann", got["user"][0])
}

func TestContextThatIsNotThereIsToldInOneLine(t *testing.T) {
	b := withContexts(t, twoContexts)
	for _, args := range [][]string{
		{"lock", "ls", "--context", "prd"}, {"run", "--context", "prd", "l", "true"}, {"context", "show", "prd"}, {"context", "use", "prd"},
		{"context", "rm", "prd"}, {"--context", "\x1b", "lock", "ls"},
	} {
		require.Contains(t, b.no(exitConfig, args...), b.env["COORD_CONFIG"]+": there is lab, prod")
	}
	b.env["COORD_CONTEXT"] = "prd"
	require.Contains(t, b.no(exitConfig, "kv", "ls"), `no context "prd"`)
	require.Contains(t, b.no(exitConfig, "kv", "ls"), "(COORD_CONTEXT)")
	b = withContexts(t, "current: gone\n")
	require.Contains(t, b.no(exitConfig, "kv", "ls"), "there are none in")
	b = withContexts(t, "")
	delete(b.env, "COORD_CONFIG")
	require.Contains(t, b.no(exitConfig, "context", "ls"), "set HOME or COORD_CONFIG")
	require.Contains(t, b.no(exitConfig, "kv", "ls", "--context", "prod"), "set HOME or COORD_CONFIG")
	require.Contains(t, b.no(exitConfig, "kv", "ls"), "COORD_LOCAL=off", "who asks for no context needs no file")
}

func TestBrokenFileIsToldWithItsLineWhereItIsNeededOnly(t *testing.T) {
	b := withContexts(t, "contexts:\n  c:\n    endpoint: a:1\n")
	for _, args := range []string{"lock ls", "run l true", "context ls", "context show", "context use c", "context rm c", "context set d --endpoints a:1"} {
		require.Contains(t, b.no(exitConfig, strings.Fields(args)...), b.env["COORD_CONFIG"]+`:3: context "c": endpoint: no such setting`, args)
	}
	require.Equal(t, "a:1", b.shown("--endpoints", "a:1")["endpoints"][0])
	b.env["COORD_ENDPOINTS"] = "b:1"
	require.Equal(t, "b:1", b.shown()["endpoints"][0])
	if os.Geteuid() != 0 { // who may read everything
		delete(b.env, "COORD_ENDPOINTS")
		require.NoError(t, os.Chmod(b.env["COORD_CONFIG"], 0))
		require.Contains(t, b.no(exitConfig, "lock", "ls"), "permission denied")
	}
	b.env["COORD_CONFIG"] = t.TempDir()
	delete(b.env, "COORD_ENDPOINTS")
	require.Contains(t, b.no(exitConfig, "lock", "ls"), "is a directory")
}

func TestPasswordIsNeverPrinted(t *testing.T) {
	b := withContexts(t, twoContexts)
	b.env["COORD_PASSWORD"] = "hush"
	for _, format := range strings.Split("table wide json jsonl yaml name", " ") {
		for _, args := range []string{"context ls", "context show", "context show lab", "context show --user u --password hush", "context show --user u:hush"} {
			out, messages, code := b.run(append(strings.Fields(args), "-o", format)...)
			require.Zero(t, code, messages)
			require.NotContains(t, out+messages, "hush", args)
		}
	}
	b.env["COORD_DIAL_TIMEOUT"] = "1ms"
	for _, args := range []string{"run -v l true", "run -v --user u:hush l true", "lock ls", "context set prod --password hush", "context set prod --user u:hush"} {
		out, messages, code := b.run(strings.Fields(args)...)
		require.NotZero(t, code, args)
		require.NotContains(t, out+messages, "hush", args)
	}
}

func TestPasswordThatOthersCanReadIsWarnedOfOnce(t *testing.T) {
	b := withContexts(t, twoContexts)
	require.NoError(t, os.Chmod(b.env["COORD_CONFIG"], 0o644))
	for _, args := range []string{"context ls", "context show", "context show lab", "run -v --dial-timeout 1ms l true"} {
		_, messages, _ := b.run(strings.Fields(args)...)
		require.Equal(t, 1, strings.Count(messages, "others can read "+b.env["COORD_CONFIG"]), args)
	}
	_, messages, _ := b.run("context", "show", "-q")
	require.Empty(t, messages)
	file := filepath.Join(t.TempDir(), "pw")
	require.NoError(t, os.WriteFile(file, []byte("x\n"), 0o644))
	b = withContexts(t, "current: c\ncontexts: {c: {endpoints: 'a:1', user: u, password-file: "+file+"}}")
	_, messages, _ = b.run("context", "show")
	require.Equal(t, "coord: others can read "+file+", and a password is in it: chmod 600 it\n", messages)
}

func TestContextsAreMadeUsedAndRemoved(t *testing.T) {
	b := withContexts(t, "")
	require.Equal(t, "[]\n", b.ok("context", "ls", "-o", "json"))
	_, messages, code := b.run("context", "set", "prod", "--endpoints", "http://a:1,http://b:1", "--user", "ann", "--password-env", "P", "--dial-timeout", "2s")
	require.Zero(t, code)
	require.Equal(t, "coord: context \"prod\" is set; coord context use prod makes it the current one\n", messages)
	require.Empty(t, b.ok("context", "set", "lab", "--endpoints", "c:1"))
	b.ok("context", "use", "prod")
	require.Equal(t, `CURRENT  NAME  ENDPOINTS              USER  PASSWORD    CACERT  CERT  SERVER NAME
         lab   c:1                    -     -           -       -     -
*        prod  http://a:1,http://b:1  ann   variable P  -       -     -
`, b.ok("context", "ls", "-o", "wide"))
	b.ok("context", "set", "prod", "--user", "", "--endpoints", "http://d:1", "--dial-timeout", "0")
	require.Equal(t, `{"name":"prod","current":true,"endpoints":["http://d:1"],"cacert":"","cert":"","key":"","server_name":"",`+
		`"insecure_skip_tls_verify":false,"user":"","password_from":"","dial_timeout":""}`,
		strings.Split(b.ok("context", "ls", "-o", "jsonl"), "\n")[1])
	b.ok("context", "use", "none")
	require.Equal(t, "local store", b.shown()["endpoints"][1])
	b.ok("context", "use", "lab")
	_, messages, _ = b.run("context", "rm", "lab")
	require.Contains(t, messages, "and no context is current")
	require.Equal(t, "prod\n", b.ok("context", "ls", "-o", "name"))
	_, messages, _ = b.run("-q", "context", "use", "prod")
	require.Empty(t, messages)
}

func TestPasswordIsReadFromStandardInputAndReplacesItsOtherPlaces(t *testing.T) {
	b := withContexts(t, "")
	b.ok("context", "set", "c", "--endpoints", "a:1", "--user", "u", "--password-file", "pw")
	require.Contains(t, b.ok("context", "ls", "-o", "json"), `"password_from": "file /`, "relative to nothing")
	b.in = "hush\n"
	b.ok("context", "set", "c", "--password-stdin")
	require.Contains(t, b.ok("context", "ls", "-o", "json"), `"password_from": "in the file of contexts"`)
	b.ok("context", "set", "c", "--password-env", "P")
	text, err := os.ReadFile(b.env["COORD_CONFIG"])
	require.NoError(t, err)
	require.NotContains(t, string(text), "hush")
	require.NotContains(t, string(text), "pw")
}

func TestSettingsThatCannotBeKeptAreRefused(t *testing.T) {
	b := withContexts(t, twoContexts)
	for args, want := range map[string]string{
		"context set":                                         "want 1 argument",
		"context set c":                                       "nothing to set",
		"context set -- -c":                                   "cannot be the name",
		"context set none --endpoints a:1":                    "asks for no context",
		"context set c --password x":                          "seen by others",
		"context set c --user u:x":                            "seen by others",
		"context set c --dial-timeout -1s":                    "negative",
		"context set prod --password-stdin":                   "empty",
		"context set prod --user= --password-env P":           "goes with a --user",
		"context set prod --password-file f --password-env P": "three places",
		"context use":                                         "want 1 argument", "context rm": "want 1 argument", "context ls x": "want 0 argument", "context ls -o xml": "xml",
		"context ls --watch": "unknown flag", "context nonsense": "unknown command", "context show a b": "at most 1",
	} {
		require.Contains(t, b.no(exitUsage, strings.Fields(args)...), want, args)
	}
	for args, want := range map[string]string{
		"context set c --user u":                               `context "c" has no endpoints`,
		"context set prod --endpoints=":                        `context "prod" has no endpoints`,
		"context set c --endpoints http://[":                   "http://[",
		"context set c --endpoints http://a:1,https://b:1":     "differ in scheme",
		"context set c --endpoints http://a:1 --cacert /no/ca": "no such file",
		"context set c --endpoints a:1 --cert /no/cert":        "cert and key go together",
		"context set lab --server-name x":                      "plain http",
	} {
		require.Contains(t, b.no(exitConfig, strings.Fields(args)...), want, args)
	}
	text, err := os.ReadFile(b.env["COORD_CONFIG"])
	require.NoError(t, err)
	require.Equal(t, twoContexts, string(text))
}

func TestProgramFindsTheSameStoreAndNoPassword(t *testing.T) {
	base := []string{"A=1", "COORD_ENDPOINTS=e:1", "COORD_CACERT=/e", "ETCDCTL_USER=eve:x", "COORD_PASSWORD=x", "COORD_CONTEXT=e", "COORD_DIAL_TIMEOUT=1s"}
	st := &store{settings: etcd.Settings{Endpoints: []string{"p:1"}, CACert: "/ca", ServerName: "s", User: "ann", Password: "hush"}, context: "prod", bare: true}
	env := environment(base, nil, st)
	slices.Sort(env)
	require.Equal(t, []string{
		"A=1", "COORD_CACERT=/ca", "COORD_CONTEXT=prod", "COORD_DIAL_TIMEOUT=1s", "COORD_ENDPOINTS=p:1", "COORD_SERVER_NAME=s",
		"ETCDCTL_CACERT=/ca", "ETCDCTL_ENDPOINTS=p:1", "ETCDCTL_SERVER_NAME=s",
	}, env)
	st.context, st.bare = "", false
	require.Subset(t, environment(base, nil, st), []string{"ETCDCTL_USER=eve:x", "COORD_PASSWORD=x", "COORD_CONTEXT=e"})
}
