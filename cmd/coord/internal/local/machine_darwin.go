package local

import "golang.org/x/sys/unix"

// readMachineID returns the kernel's id of this machine, or nothing: host names change with the network there.
func readMachineID() string {
	id, err := unix.Sysctl("kern.uuid")
	if err != nil {
		return ""
	}
	return id
}
