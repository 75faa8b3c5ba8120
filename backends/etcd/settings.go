package etcd

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// Settings are what a user configures outside a program, by environment or flags, with the names that etcdctl uses. The
// zero value has no endpoints and cannot be opened.
type Settings struct {
	// Endpoints are the members' client addresses: host:port, http(s)://host:port, or unix(s)://path. They go together as [Open] has it.
	Endpoints []string
	// CACert, Cert and Key are names of PEM files: the roots that the servers' certificates are checked against, and
	// this client's certificate with its key. Cert and Key go together, and are read again for each connection, so that
	// a renewed certificate is picked up.
	CACert, Cert, Key string
	// ServerName is the name that servers' certificates are to be for, instead of the host of the endpoint.
	ServerName string
	// InsecureSkipVerify accepts any server certificate.
	InsecureSkipVerify bool
	// User and Password sign in to a store that has authentication on. A User set through an environment variable
	// may be "name:password".
	User, Password string
	// DialTimeout is that of [Options]; zero leaves it alone.
	DialTimeout time.Duration
}

// Open opens a storage with these settings laid over opts, which may be nil. It reads the files named, and fails with
// [kv.ErrInvalid] where a setting cannot be used; otherwise it is [Open].
func (s Settings) Open(opts *Options) (*Storage, error) {
	o, err := s.over(opts)
	if err != nil {
		return nil, err
	}
	return Open(s.Endpoints, o)
}

// Validate tells whether the settings can be used, without a connection: it reads the files named, and returns the
// [kv.ErrInvalid] with which Open would fail.
func (s Settings) Validate() error {
	o, err := s.over(nil)
	if err != nil {
		return err
	}
	_, _, err = check(s.Endpoints, o)
	return err
}

// Addresses returns the endpoints as they are dialled: one without a scheme has that of the others. Endpoints that cannot be used are
// [kv.ErrInvalid].
func (s Settings) Addresses() ([]string, error) {
	addresses, _, err := checkEndpoints(s.Endpoints)
	return addresses, err
}

// over lays the settings over opts.
func (s Settings) over(opts *Options) (*Options, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if s.CACert != "" || s.Cert != "" || s.Key != "" || s.ServerName != "" || s.InsecureSkipVerify {
		c, err := s.tlsConfig(o.TLS)
		if err != nil {
			return nil, err
		}
		o.TLS = c
	}
	if s.User != "" || s.Password != "" {
		o.Username, o.Password = s.User, s.Password
	}
	if s.DialTimeout != 0 {
		o.DialTimeout = s.DialTimeout
	}
	return &o, nil
}

// tlsConfig builds the TLS configuration that the files and the flag ask for, upon base, which may be nil.
func (s Settings) tlsConfig(base *tls.Config) (*tls.Config, error) {
	c := base.Clone()
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if s.InsecureSkipVerify {
		c.InsecureSkipVerify = true
	}
	if s.ServerName != "" {
		c.ServerName = s.ServerName
	}
	if s.CACert != "" {
		pem, err := os.ReadFile(s.CACert)
		if err != nil {
			return nil, fmt.Errorf("%w: CA certificates: %w", kv.ErrInvalid, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: no certificate in %s", kv.ErrInvalid, s.CACert)
		}
	}
	if (s.Cert == "") != (s.Key == "") {
		return nil, fmt.Errorf("%w: certificate and key go together, one of them is not set", kv.ErrInvalid)
	}
	if s.Cert != "" {
		load := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(s.Cert, s.Key)
			return &pair, err
		}
		if _, err := load(); err != nil {
			return nil, fmt.Errorf("%w: client certificate: %w", kv.ErrInvalid, err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return c, nil
}

// OpenEnv opens the storage that the environment names; see [SettingsFromEnv] for the variables. With no endpoint there
// it fails with [kv.ErrInvalid]: it has no default of its own. What the environment sets wins over opts, which may be nil.
func OpenEnv(opts *Options) (*Storage, error) {
	s, err := SettingsFromEnv(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	if len(s.Endpoints) == 0 {
		return nil, fmt.Errorf("%w: no endpoints: set COORD_ENDPOINTS or ETCDCTL_ENDPOINTS", kv.ErrInvalid)
	}
	return s.Open(opts)
}

// The prefixes of the variables, the one that wins first.
var envPrefixes = []string{"COORD_", "ETCDCTL_"}

// SettingsFromEnv reads settings through lookup, such as os.LookupEnv. Each is read from COORD_ and its name or, where that
// is unset or empty, from ETCDCTL_ and its name: ENDPOINTS (separated by commas), CACERT, CERT, KEY,
// SERVER_NAME, INSECURE_SKIP_TLS_VERIFY, USER, PASSWORD, DIAL_TIMEOUT (a duration such as 2s). USER may be "name:password" if no
// PASSWORD is set beside it. A value that cannot be read is [kv.ErrInvalid], with the variable's name.
func SettingsFromEnv(lookup func(string) (string, bool)) (Settings, error) {
	e := env{lookup: lookup}
	var s Settings
	if v, _ := e.get("ENDPOINTS"); v != "" {
		for ep := range strings.SplitSeq(v, ",") {
			s.Endpoints = append(s.Endpoints, strings.TrimSpace(ep))
		}
	}
	s.CACert, _ = e.get("CACERT")
	s.Cert, _ = e.get("CERT")
	s.Key, _ = e.get("KEY")
	s.ServerName, _ = e.get("SERVER_NAME")
	s.User, s.Password = e.login()
	if v, name := e.get("INSECURE_SKIP_TLS_VERIFY"); v != "" {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return Settings{}, fmt.Errorf("%w: %s=%q is neither true nor false", kv.ErrInvalid, name, v)
		}
		s.InsecureSkipVerify = b
	}
	if v, name := e.get("DIAL_TIMEOUT"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return Settings{}, fmt.Errorf("%w: %s=%q is no positive duration such as 2s", kv.ErrInvalid, name, v)
		}
		s.DialTimeout = d
	}
	return s, nil
}

type env struct {
	lookup func(string) (string, bool)
}

// get returns the value that wins and the variable it is from; empty counts as unset.
func (e env) get(name string) (value, variable string) {
	for _, prefix := range envPrefixes {
		if v, ok := e.lookup(prefix + name); ok && v != "" {
			return v, prefix + name
		}
	}
	return "", ""
}

// login reads user and password. "name:password" is taken apart unless a PASSWORD of the same prefix, or of one that wins
// over it, is there too: then all of USER is the name, as etcdctl has it.
func (e env) login() (user, password string) {
	user, from := e.get("USER")
	password, with := e.get("PASSWORD")
	name, inline, ok := strings.Cut(user, ":")
	if ok && (with == "" || rank(with) > rank(from)) {
		return name, inline
	}
	return user, password
}

// rank is the place of a variable's prefix in envPrefixes.
func rank(variable string) int {
	for i, prefix := range envPrefixes {
		if strings.HasPrefix(variable, prefix) {
			return i
		}
	}
	return len(envPrefixes)
}
