package etcd

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// environment is a lookup function over fixed variables.
func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func TestSettingsComeFromTheEnvironment(t *testing.T) {
	for name, tc := range map[string]struct {
		vars map[string]string
		want Settings
	}{
		"nothing": {},
		"all of etcdctl's": {
			vars: map[string]string{
				"ETCDCTL_ENDPOINTS": "http://a:1, http://b:2", "ETCDCTL_CACERT": "ca", "ETCDCTL_CERT": "cert", "ETCDCTL_KEY": "key",
				"ETCDCTL_SERVER_NAME":              "etcd",
				"ETCDCTL_INSECURE_SKIP_TLS_VERIFY": "true", "ETCDCTL_USER": "ann", "ETCDCTL_PASSWORD": "pw", "ETCDCTL_DIAL_TIMEOUT": "2s",
			},
			want: Settings{
				Endpoints: []string{"http://a:1", "http://b:2"}, CACert: "ca", Cert: "cert", Key: "key", ServerName: "etcd", InsecureSkipVerify: true,
				User: "ann", Password: "pw", DialTimeout: 2 * time.Second,
			},
		},
		"ours win one by one": {
			vars: map[string]string{
				"COORD_ENDPOINTS": "ours:1", "ETCDCTL_ENDPOINTS": "theirs:1",
				"ETCDCTL_CACERT": "their-ca", "COORD_DIAL_TIMEOUT": "1s", "ETCDCTL_DIAL_TIMEOUT": "bad",
			},
			want: Settings{Endpoints: []string{"ours:1"}, CACert: "their-ca", DialTimeout: time.Second},
		},
		"empty is unset": {
			vars: map[string]string{"COORD_ENDPOINTS": "", "ETCDCTL_ENDPOINTS": "theirs:1"},
			want: Settings{Endpoints: []string{"theirs:1"}},
		},
		"user with password inside": {
			vars: map[string]string{"COORD_USER": "ann:p:w"},
			want: Settings{User: "ann", Password: "p:w"},
		},
		"a password beside makes all of it the name": {
			vars: map[string]string{"ETCDCTL_USER": "ann:x", "ETCDCTL_PASSWORD": "pw"},
			want: Settings{User: "ann:x", Password: "pw"},
		},
		"the other tool's password does not belong to our user": {
			vars: map[string]string{"COORD_USER": "ann:pw", "ETCDCTL_PASSWORD": "theirs"},
			want: Settings{User: "ann", Password: "pw"},
		},
		"user and password of different prefixes": {
			vars: map[string]string{"COORD_USER": "ann", "ETCDCTL_PASSWORD": "pw"},
			want: Settings{User: "ann", Password: "pw"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := SettingsFromEnv(environment(tc.vars))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestUnreadableSettingNamesItsVariable(t *testing.T) {
	for name, value := range map[string]string{
		"COORD_INSECURE_SKIP_TLS_VERIFY": "perhaps",
		"ETCDCTL_DIAL_TIMEOUT":           "2",
		"COORD_DIAL_TIMEOUT":             "-1s",
	} {
		_, err := SettingsFromEnv(environment(map[string]string{name: value}))
		require.ErrorIs(t, err, kv.ErrInvalid)
		require.ErrorContains(t, err, name)
	}
}

func TestOpenEnvWithoutEndpointsNamesTheVariable(t *testing.T) {
	t.Setenv("COORD_ENDPOINTS", "")
	t.Setenv("ETCDCTL_ENDPOINTS", "")
	_, err := OpenEnv(nil)
	require.ErrorIs(t, err, kv.ErrInvalid)
	require.ErrorContains(t, err, "COORD_ENDPOINTS")
}

func TestOpenEnvPrefersItsOwnVariables(t *testing.T) {
	t.Setenv("COORD_ENDPOINTS", "http://127.0.0.1:1,http://127.0.0.1:2")
	t.Setenv("ETCDCTL_ENDPOINTS", "http://127.0.0.1:3")
	st, err := OpenEnv(nil)
	require.NoError(t, err)
	require.Equal(t, []string{"http://127.0.0.1:1", "http://127.0.0.1:2"}, st.Client().Endpoints())
	require.NoError(t, st.Close())
}

func TestSettingsThatCannotBeOpened(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk.pem")
	require.NoError(t, os.WriteFile(junk, []byte("no certificate"), 0o600))
	at := []string{"https://127.0.0.1:1"}
	for name, s := range map[string]Settings{
		"no endpoints":           {},
		"no such CA file":        {Endpoints: at, CACert: junk + ".absent"},
		"CA file without one":    {Endpoints: at, CACert: junk},
		"certificate, no key":    {Endpoints: at, Cert: junk},
		"key, no certificate":    {Endpoints: at, Key: junk},
		"no certificate in file": {Endpoints: at, Cert: junk, Key: junk},
		"user, no password":      {Endpoints: at, User: "ann"},
		"password, no user":      {Endpoints: at, Password: "pw"},
		"negative dial timeout":  {Endpoints: at, DialTimeout: -1},
		"TLS at a plain port":    {Endpoints: []string{"http://127.0.0.1:1"}, InsecureSkipVerify: true},
	} {
		_, err := s.Open(nil)
		require.ErrorIs(t, err, kv.ErrInvalid, name)
		require.EqualError(t, s.Validate(), err.Error(), name)
	}
	require.NoError(t, Settings{Endpoints: at, InsecureSkipVerify: true, ServerName: "etcd", User: "ann", Password: "pw"}.Validate(), "no connection is made")
}

func TestSettingsAreLaidOverOptions(t *testing.T) {
	base := &Options{TLS: &tls.Config{ServerName: "etcd"}, DialTimeout: time.Minute}
	c, err := Settings{InsecureSkipVerify: true}.tlsConfig(base.TLS)
	require.NoError(t, err)
	require.True(t, c.InsecureSkipVerify)
	require.Equal(t, "etcd", c.ServerName)
	require.False(t, base.TLS.InsecureSkipVerify, "the caller's own")
}

func TestEndpointsAreChecked(t *testing.T) {
	for _, ok := range [][]string{
		{"127.0.0.1:2379"}, {"etcd:2379", "etcd2:2379"}, {"http://a:1", "http://b:2/"}, {"https://[::1]:2379"},
		{"unix:///run/etcd.sock"}, {"unix://etcd.sock"}, {"unixs:///run/etcd.sock"}, {"unix:///run/etcd.sock", "a:1"},
	} {
		got, _, err := checkEndpoints(ok)
		require.NoError(t, err, "%q", ok)
		require.Equal(t, ok, got)
	}
	for _, bad := range [][]string{
		nil, {""}, {"127.0.0.1"}, {"http://a"}, {"http://a:"}, {"http://a:70000"}, {"http://a:1/v3"}, {"http://u:p@a:1"}, {"ftp://a:1"},
		{"http://a:1\x7f"}, {"unix://"}, {"unix:"}, {"http://a:1", "https://b:1"}, {"http://a:1", ""}, {"a:1 b:1"},
		{"a:1", "https://b:1", "http://c:1"}, {"http://a:1", "unixs:///run/etcd.sock"},
	} {
		_, _, err := checkEndpoints(bad)
		require.ErrorIs(t, err, kv.ErrInvalid, "%q", bad)
	}
}

func TestEndpointWithoutASchemeHasThatOfTheOthers(t *testing.T) {
	for _, c := range []struct{ given, dialled []string }{
		{[]string{"a:1", "http://b:1", "c:1"}, []string{"http://a:1", "http://b:1", "http://c:1"}},
		{[]string{"a:1", "https://b:1"}, []string{"https://a:1", "https://b:1"}},
		{[]string{"https://b:1", "[::1]:2", "unix:///s"}, []string{"https://b:1", "https://[::1]:2", "unixs:///s"}},
		{[]string{"unixs:///s", "a:1"}, []string{"unixs:///s", "https://a:1"}},
		{[]string{"unix:///s", "http://a:1"}, []string{"unix:///s", "http://a:1"}},
	} {
		given := slices.Clone(c.given)
		got, err := Settings{Endpoints: given}.Addresses()
		require.NoError(t, err, "%q", c.given)
		require.Equal(t, c.dialled, got, "%q", c.given)
		require.Equal(t, c.given, given, "the caller's own")
		st, err := Settings{Endpoints: given}.Open(nil)
		require.NoError(t, err)
		require.Equal(t, c.dialled, st.Client().Endpoints())
		require.NoError(t, st.Close())
	}
	err := Settings{Endpoints: []string{"a:1", "http://b:1"}, InsecureSkipVerify: true}.Validate()
	require.ErrorContains(t, err, `TLS is configured, but endpoint "http://`)
}

func TestPasswordInAnEndpointIsNotShown(t *testing.T) {
	for _, ep := range []string{"http://u:hush@a:1", "http://u:hu@sh@a:1", "http://u:hush%zz@a:1", "ftp://hush@a:1", "http://u:hush@a:no"} {
		_, _, err := checkEndpoints([]string{ep})
		require.ErrorIs(t, err, kv.ErrInvalid, ep)
		require.NotContains(t, err.Error(), "hu", ep)
	}
}
