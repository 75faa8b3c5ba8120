//go:build linux

package cluster

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// owner returns which of the processes has the other end of a connection on loopback, or -1.
func owner(c net.Conn, pids []int) int {
	inode := inodeOf(c.RemoteAddr(), c.LocalAddr())
	if inode == "" {
		return -1
	}
	want := "socket:[" + inode + "]"
	for i, pid := range pids {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, f := range files {
			if to, err := os.Readlink(f); err == nil && to == want {
				return i
			}
		}
	}
	return -1
}

// inodeOf finds the socket that is connected so, from the side of local.
func inodeOf(local, remote net.Addr) string {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return ""
	}
	defer f.Close()
	l, r := inProc(local), inProc(remote)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && fields[1] == l && fields[2] == r {
			return fields[9]
		}
	}
	return ""
}

// inProc is an IPv4 address as /proc/net/tcp has it: the bytes of the address as a number of this machine.
func inProc(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil || !at.Addr().Unmap().Is4() {
		return ""
	}
	b := at.Addr().Unmap().As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(b[:]), at.Port())
}
