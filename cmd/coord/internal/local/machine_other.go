//go:build unix && !linux && !darwin

package local

// readMachineID returns nothing: the host name serves.
func readMachineID() string { return "" }
