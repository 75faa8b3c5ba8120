package registry

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

func addrs(all string) []netip.Addr {
	var out []netip.Addr
	for _, a := range strings.Fields(all) {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestAdvertiseFindsWhatOthersCanDial(t *testing.T) {
	for _, c := range []struct{ listener, local, want string }{
		{"[::]:80", "fe80::1 2001:db8::1 169.254.0.1 10.0.0.1 192.168.0.1", "10.0.0.1:80"},
		{"0.0.0.0:80", "2001:db8::1 10.0.0.1", "10.0.0.1:80"},
		{":80", "203.0.113.1", "203.0.113.1:80"},
		{"[::]:80", "fe80::1%eth0 fd00::1 2001:db8::1", "[fd00::1]:80"},
		{"[::]:80", "::ffff:10.0.0.1", "10.0.0.1:80"},
		{"0.0.0.0:80", "2001:db8::1", ""},
		{"[::]:80", "fe80::1 127.0.0.1 ::1 224.0.0.1", ""},
		{"[::]:80", "", ""},
		{"127.0.0.1:80", "10.0.0.1", "127.0.0.1:80"},
		{"[2001:db8::9]:80", "10.0.0.1", "[2001:db8::9]:80"},
		{"host.example:80", "10.0.0.1", "host.example:80"},
	} {
		got, err := advertised(c.listener, addrs(c.local))
		require.Equal(t, c.want, got, "%+v", c)
		require.Equal(t, c.want == "", err != nil, "%+v: %v", c, err)
	}
	for _, wrong := range []string{"", "/run/socket", "10.0.0.1", "10.0.0.1:0", ":0", "10.0.0.1:http"} {
		_, err := advertised(wrong, addrs("10.0.0.1"))
		require.ErrorIs(t, err, kv.ErrInvalid, "%q", wrong)
	}
}

func TestAdvertiseOfAListener(t *testing.T) {
	_, err := Advertise(nil)
	require.ErrorIs(t, err, kv.ErrInvalid)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	got, err := Advertise(l.Addr())
	require.NoError(t, err)
	require.Equal(t, l.Addr().String(), got)
	got, err = Advertise(&net.TCPAddr{Port: 80})
	if err == nil { // a machine may have no address but loopback
		host, port, err := net.SplitHostPort(got)
		require.NoError(t, err)
		require.Equal(t, "80", port)
		require.False(t, net.ParseIP(host).IsLoopback() || net.ParseIP(host).IsUnspecified(), got)
	}
}
