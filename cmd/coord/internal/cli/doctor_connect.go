//go:build unix

package cli

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/cmd/coord/internal/local"
	"github.com/coordkit/coord/kv"
)

// connect checks the way to the store, and opens it; nil if that cannot be.
func (d *doctor) connect(ctx context.Context) *store {
	var settings etcd.Settings
	if d.app.Store == nil {
		var err error
		if settings, err = d.app.settings(); err != nil {
			d.fail("settings", "correct the flag or the variable", err)
			return nil
		}
	}
	remote := len(settings.Endpoints) > 0 && !local.IsLocalEndpoint(settings.Endpoints[0])
	if remote {
		var err error
		if settings.Endpoints, err = settings.Addresses(); err != nil {
			d.fail("settings", "correct the endpoints", err)
			return nil
		}
		d.ok("settings", "%s", plural(len(settings.Endpoints), "endpoint"))
		reached := d.endpoints(ctx, settings)
		d.transport(settings)
		if !reached {
			return nil // what else there is to ask would fail of the same
		}
	}
	st, err := d.app.open(ctx)
	if err != nil {
		d.fail("store", "", err)
		return nil
	}
	client, ok := kv.As[etcdStore](st)
	if !ok {
		return st
	}
	if !remote {
		d.ok("settings", "no endpoint: the local store of this user on this host")
		d.found(endpointFinding(ctx, st, st.settings.Endpoints[0]))
	}
	d.auth(ctx, client.Client(), settings, remote)
	return st
}

// endpoints checks each endpoint by itself, all at once. It returns whether one has answered.
func (d *doctor) endpoints(ctx context.Context, all etcd.Settings) (reached bool) {
	findings := make([]findingView, len(all.Endpoints))
	var asking sync.WaitGroup
	for n, endpoint := range all.Endpoints {
		asking.Go(func() {
			one := all
			one.Endpoints = []string{endpoint}
			st, err := d.app.openEtcd(one, nil)
			if err != nil {
				findings[n] = unreached(endpoint, err)
				return
			}
			defer st.Close()
			findings[n] = endpointFinding(ctx, st, endpoint)
		})
	}
	asking.Wait()
	versions := make(map[string]bool)
	for _, f := range findings {
		d.found(f)
		reached = reached || f.Millis != nil
		if version, _, ok := strings.Cut(f.Detail, ","); ok && f.Result == resultOK {
			versions[version] = true
		}
	}
	if len(versions) > 1 {
		d.warn("versions", "finish the upgrade", "the servers are of %d versions", len(versions))
	}
	return reached
}

// endpointFinding asks one server how it is.
func endpointFinding(ctx context.Context, st kv.Storage, endpoint string) findingView {
	// A read first: its error says what the connection failed of.
	_, read := within(ctx, func(ctx context.Context) (kv.Record, error) { return st.Get(ctx, scratch) })
	answered := read == nil || errors.Is(read, kv.ErrNotFound) || forbidden(read) // what it forbids is told later
	bound := answerWithin
	if !answered {
		bound = time.Second // a server that has no leader answers this at once
	}
	bounded, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	client, _ := kv.As[etcdStore](st)
	began := time.Now()
	status, err := client.Client().Status(bounded, client.Client().Endpoints()[0])
	took := millis(time.Since(began))
	switch {
	case err != nil && !answered:
		return unreached(endpoint, read)
	case err != nil:
		return unreached(endpoint, err)
	}
	f := findingView{Check: "endpoint", Endpoint: endpoint, Result: resultOK, Millis: &took}
	role := "follower"
	switch {
	case status.Leader == status.Header.MemberId:
		role = "leader"
	case status.IsLearner:
		role = "learner"
	}
	f.Detail = fmt.Sprintf("etcd %s, %s, %.1f ms, %s on disk", status.Version, role, took, size(status.DbSize))
	switch {
	case status.Leader == 0:
		f.Result, f.Detail = resultFail, f.Detail+", no leader"
		f.Advice = "most members of the cluster must be up and reach each other"
	case len(status.Errors) > 0:
		f.Result, f.Detail = resultFail, f.Detail+", "+strings.Join(status.Errors, ", ")
		f.Advice = "see etcdctl alarm list; NOSPACE: compact, defragment, and then etcdctl alarm disarm"
	case !answered:
		f.Result, f.Detail = resultFail, f.Detail+", and does not answer reads: "+explain(read)
		f.Advice = "most members of the cluster must be up and reach each other"
	}
	return f
}

func unreached(endpoint string, err error) findingView {
	f := findingView{Check: "endpoint", Endpoint: endpoint, Result: resultFail, Detail: explain(err)}
	switch text := err.Error(); {
	case forbidden(err): // explain says what to do
	case strings.Contains(text, "x509: ") || strings.Contains(text, "certificate"):
		f.Advice = "check --cacert, --cert and --key, and the server's certificate"
	case strings.Contains(text, "first record does not look like a TLS handshake"):
		f.Advice = "the server speaks no TLS: http:// instead of https://"
	case cutOff(text) && strings.HasPrefix(endpoint, "https:"):
		f.Advice = "check --cacert, --cert and --key: perhaps the server wants a certificate of the client's"
	case cutOff(text):
		f.Advice = "perhaps the server speaks TLS: https:// instead of http://"
	default:
		f.Advice = "is it up, is the address right, and is nothing between that keeps it away?"
	}
	return f
}

// cutOff says whether the server has ended the connection, as one does that cannot understand or does not want the client.
func cutOff(text string) bool {
	return slices.ContainsFunc([]string{"EOF", "connection reset", "broken pipe"}, func(s string) bool { return strings.Contains(text, s) })
}

// transport tells whether what is sent is protected, and for how long the client's certificate is good.
func (d *doctor) transport(s etcd.Settings) {
	open := slices.DeleteFunc(slices.Clone(s.Endpoints), func(e string) bool {
		return strings.HasPrefix(e, "https://") || strings.HasPrefix(e, "unixs:") || onThisHost(e) || schemeless(e) && s.CACert+s.Cert != ""
	})
	switch {
	case len(open) > 0 && s.Password != "":
		d.warn("tls", "use https://, or the password can be read on the way", "no TLS to %s", strings.Join(open, ", "))
	case len(open) > 0:
		d.warn("tls", "use https:// where others share the network", "no TLS to %s", strings.Join(open, ", "))
	case s.InsecureSkipVerify:
		d.warn("tls", "give --cacert instead of --insecure-skip-tls-verify", "any server's certificate is accepted")
	default:
		d.ok("tls", "nothing goes over a network unprotected")
	}
	if s.Cert == "" {
		return
	}
	switch until, err := goodUntil(s.Cert); {
	case err != nil:
		d.fail("tls", "check --cert", err)
	case time.Until(until) < 0:
		d.fail("tls", "renew it", fmt.Errorf("the certificate %s was good until %s", s.Cert, until.Format(time.RFC3339)))
	case time.Until(until) < 14*24*time.Hour:
		d.warn("tls", "renew it; coord reads it again for each connection", "the certificate %s is good for %s only", s.Cert, short(time.Until(until)))
	default:
		d.ok("tls", "the certificate %s is good for %s", s.Cert, short(time.Until(until)))
	}
}

func schemeless(endpoint string) bool { return !strings.Contains(endpoint, "://") }

// onThisHost says whether an endpoint is a socket or an address of the loopback.
func onThisHost(endpoint string) bool {
	if strings.HasPrefix(endpoint, "unix") {
		return true
	}
	host := endpoint
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		host = u.Host
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// goodUntil is the end of the time for which the first certificate in a file is good.
func goodUntil(file string) (time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return time.Time{}, fmt.Errorf("no certificate in %s", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", file, err)
	}
	return cert.NotAfter, nil
}

// auth tells whether the store asks who one is. It tells that to administrators only, so to be refused is an answer too.
func (d *doctor) auth(ctx context.Context, c *clientv3.Client, s etcd.Settings, remote bool) {
	status, err := within(ctx, c.AuthStatus)
	switch {
	case forbidden(err) && s.User == "":
		d.fail("auth", "", err)
	case forbidden(err), err == nil && status.Enabled:
		d.ok("auth", "signed in as %s", s.User)
	case err != nil:
		d.fail("auth", "", err)
	case s.User != "":
		d.warn("auth", "leave out --user, or have the store ask: etcdctl auth enable", "the store does not ask who you are, though you say it")
	case remote && slices.ContainsFunc(s.Endpoints, func(e string) bool { return !onThisHost(e) }):
		d.warn("auth", "restrict who can: TLS with client certificates, or etcdctl auth enable",
			"the store does not ask who you are: whoever reaches it can do everything")
	default:
		d.ok("auth", "the store does not ask who you are")
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}
