package contexts

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestFileIsRead(t *testing.T) {
	path := written(t, `
current: prod
contexts:
  prod:
    endpoints: [https://a:2379, https://b:2379]
    cacert: ca.pem
    cert: /etc/client.pem
    key: ~/client.key
    server-name: etcd
    insecure-skip-tls-verify: true
    user: ann
    password-file: pw
    dial-timeout: 2s
  lab:
    endpoints: c:1, d:1
    user: bob
    password: 0123
`)
	f, err := Read(path, "/home/ann")
	require.NoError(t, err)
	require.Equal(t, "prod", f.Current)
	require.Equal(t, []string{"lab", "prod"}, f.Names())
	dir := filepath.Dir(path)
	c, err := f.Find("prod")
	require.NoError(t, err)
	require.Equal(t, Context{
		Name: "prod", Endpoints: []string{"https://a:2379", "https://b:2379"}, CACert: dir + "/ca.pem", Cert: "/etc/client.pem",
		Key: "/home/ann/client.key", ServerName: "etcd", InsecureSkipVerify: true, User: "ann", PasswordFile: dir + "/pw", DialTimeout: 2 * time.Second,
	}, c)
	c, err = f.Find("lab")
	require.NoError(t, err)
	require.Equal(t, []string{"c:1", "d:1"}, c.Endpoints)
	require.Equal(t, "0123", string(c.Password), "a password is text")
}

func TestWhatCannotBeUsedIsRefusedWithItsLineAndWithoutPasswords(t *testing.T) {
	const head = "contexts:\n  c:\n    endpoints: a:1\n    user: u\n"
	for text, want := range map[string]string{
		"a: [":                                                      ":1: did not find expected node content",
		"contexts:\n\tc: 1\n":                                       ":2: found character that cannot start any token",
		"- c\n":                                                     ":1: the file: names with values are wanted here",
		"context: {}\n":                                             `:1: unknown setting "context": the file has current and contexts`,
		"current: [a]\n":                                            ":1: current: the name of a context is wanted here",
		"contexts: c\n":                                             ":1: contexts: names with values are wanted here",
		"a: 1\n---\nb: 1\n":                                         ": more than one YAML document",
		"contexts:\n  c:\n    user: u":                              `:2: context "c" has no endpoints`,
		"contexts:\n  -c: {}":                                       `:2: "-c" cannot be the name of a context`,
		"contexts:\n  none: {}":                                     `:2: "none" asks for no context`,
		"contexts:\n  c:\n   endpoints: {a: 1}":                     `:3: context "c": endpoints: a list of addresses is wanted here`,
		"contexts:\n  c:\n   endpoints: [a, '']":                    `:3: context "c": endpoints: an address is empty`,
		head + "    cacrt: x\n":                                     `:5: context "c": cacrt: no such setting`,
		head + "    cacert: [x]\n":                                  `:5: context "c": cacert: one value is wanted here`,
		head + "    user: v\n":                                      `:5: context "c": "user" is there twice`,
		head + "    dial-timeout: soon\n":                           `:5: context "c": dial-timeout: "soon" is no positive duration such as 2s`,
		head + "    insecure-skip-tls-verify: maybe\n":              `:5: context "c": insecure-skip-tls-verify: "maybe" is neither true nor false`,
		head + "    cert: x\n":                                      `:2: context "c": cert and key go together, one of them is not set`,
		head + "    password: hush\n    password-env: P\n":          `:6: context "c": password and password-env are two places for one password`,
		head + "    password: *hush\n":                              ":5: a value that begins with *, & or ! has to be quoted",
		head + "    password: &hush\n":                              `:5: context "c": password: a value that begins with *, & or ! has to be quoted`,
		head + "    password: !hush x\n":                            `:5: context "c": password: a value that begins with *, & or ! has to be quoted`,
		head + "    password: [hush]\n":                             `:5: context "c": password: one value is wanted here`,
		head + "    password: \"hush\n":                             ":5: found unexpected end of stream",
		head + "    password: %hush\n":                              ":5: found character that cannot start any token",
		"contexts:\n  c:\n    endpoints: a:1\n    user: u:hush\n":   `:4: context "c": user: it is a name only: the password has a setting of its own`,
		"contexts:\n  c:\n    endpoints: a:1\n    password: hush\n": `:2: context "c" has a password and no user`,
	} {
		path := written(t, text)
		_, err := Read(path, "")
		require.ErrorContains(t, err, path+want, "%s", text)
		require.NotContains(t, err.Error(), "hush", text)
		require.NotContains(t, err.Error(), "\n", text)
	}
}

func TestNothingThatYAMLCitesIsTold(t *testing.T) {
	require.Equal(t, "3: found …, and … too", syntax(errors.New("yaml: line 3: found 'hush', and 'hush' too"), nil))
	require.Equal(t, " not YAML", syntax(errors.New("hush"), nil))
}

func TestFileThatIsNotThereHoldsNothing(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "no", "such"), written(t, ""), written(t, "# nothing\n"), written(t, "contexts:\ncurrent:\n")} {
		f, err := Read(path, "")
		require.NoError(t, err)
		require.Empty(t, f.Contexts)
		require.Empty(t, f.Current)
		_, err = f.Find("c")
		require.ErrorContains(t, err, `no context "c": there are none in `+path)
	}
	_, err := Read(t.TempDir(), "")
	require.ErrorContains(t, err, "is a directory")
}

func TestFileIsWhereTheEnvironmentSays(t *testing.T) {
	for _, c := range []struct{ config, xdg, home, want string }{
		{"", "", "/h", "/h/.config/coord/config.yaml"},
		{"", "/x", "/h", "/x/coord/config.yaml"},
		{"", "/x", "", "/x/coord/config.yaml"},
		{"", "x", "/h", "/h/.config/coord/config.yaml"},
		{"", "", "", ""},
		{"/c", "/x", "/h", "/c"},
	} {
		env := map[string]string{"COORD_CONFIG": c.config, "XDG_CONFIG_HOME": c.xdg}
		require.Equal(t, c.want, Locate(func(name string) (string, bool) { v, ok := env[name]; return v, ok }, c.home), c)
	}
}

func TestFileIsExposedIfItHoldsAPasswordThatOthersCanRead(t *testing.T) {
	const with, without = "contexts: {c: {endpoints: a:1, user: u, password: p}}", "contexts: {c: {endpoints: a:1, user: u, password-file: p}}"
	for _, c := range []struct {
		text string
		mode os.FileMode
		want bool
	}{{with, 0o600, false}, {with, 0o640, true}, {with, 0o604, true}, {without, 0o644, false}} {
		path := written(t, c.text)
		require.NoError(t, os.Chmod(path, c.mode))
		f, err := Read(path, "")
		require.NoError(t, err)
		require.Equal(t, c.want, f.Exposed, c)
	}
}

func TestSecretsPrintAsSomethingElse(t *testing.T) {
	c := Context{Password: "hush"}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s %q %x %d", c, c, c, c.Password, c.Password, c.Password, c.Password), string(text)} {
		require.NotContains(t, s, "hush")
		require.NotContains(t, s, fmt.Sprintf("%x", "hush"))
		require.Contains(t, s, Hidden)
	}
}

func TestPasswordComesFromWhereTheContextSays(t *testing.T) {
	lookup := func(name string) (string, bool) { return map[string]string{"P": "from-env"}[name], name == "P" }
	file := written(t, "from-file\n")
	for want, c := range map[string]Context{
		"from-file": {PasswordFile: file}, "from-env": {PasswordEnvironment: "P"}, "inline": {Password: "inline"}, "": {},
	} {
		password, exposed, err := c.GetPassword(lookup)
		require.NoError(t, err)
		require.Equal(t, want, string(password))
		require.Empty(t, exposed)
	}
	require.NoError(t, os.Chmod(file, 0o644))
	_, exposed, err := Context{PasswordFile: file}.GetPassword(lookup)
	require.NoError(t, err)
	require.Equal(t, file, exposed)
	for want, c := range map[string]Context{
		"the variable Q is not set": {Name: "c", PasswordEnvironment: "Q"},
		"no such file":              {Name: "c", PasswordFile: file + ".not"},
		"it is empty":               {Name: "c", PasswordFile: written(t, "\n")},
		"more than one line":        {Name: "c", PasswordFile: written(t, "hush\nhush\n")},
		"are no password":           {Name: "c", PasswordFile: written(t, string(make([]byte, maxPassword+1)))},
	} {
		_, _, err := c.GetPassword(lookup)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `context "c": password: `)
		require.NotContains(t, err.Error(), "hush")
	}
}
