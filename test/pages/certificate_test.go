//go:build linux

package pages

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// certificate writes one for a name, which is for servers and clients on this host alike and is its own authority; and its key.
func certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	encoded, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	write := func(file, kind string, der []byte) string {
		path := filepath.Join(dir, file)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return write("cert.pem", "CERTIFICATE", signed), write("key.pem", "EC PRIVATE KEY", encoded)
}

// The name in a client's certificate is the user, as the page says; its rights are those of the page.
func TestCertificateSignsInWithoutAPassword(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, "billing")
	server := etcdtest.Start(t, func(cfg *embed.Config) {
		at := url.URL{Scheme: "https", Host: "127.0.0.1:0"}
		cfg.ListenClientUrls, cfg.AdvertiseClientUrls, cfg.BcryptCost = []url.URL{at}, []url.URL{at}, 4
		cfg.ClientTLSInfo.CertFile, cfg.ClientTLSInfo.KeyFile = cert, key
		cfg.ClientTLSInfo.TrustedCAFile, cfg.ClientTLSInfo.ClientCertAuth = cert, true
	})
	sh := newShell(t, "ETCDCTL_ENDPOINTS="+server.Endpoint(), "ETCDCTL_CACERT="+cert, "ETCDCTL_CERT="+cert, "ETCDCTL_KEY="+key,
		"ROOT_PASSWORD=root-pw", "BILLING_PASSWORD=unused", "VIEWER_PASSWORD=viewer-pw", "ONCALL_PASSWORD=oncall-pw")
	sh.run(t, blocks(t, "security.md", 3)[0], "")

	settings := etcd.Settings{Endpoints: []string{server.Endpoint()}, CACert: cert, Cert: cert, Key: key}
	st, err := settings.Open(nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	for what, err := range uses(t, st, "billing.") {
		require.NoError(t, err, what)
	}
	_, err = st.Get(t.Context(), "coord/lock/search.index")
	require.ErrorIs(t, err, rpctypes.ErrPermissionDenied)
}
