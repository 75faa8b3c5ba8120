//go:build unix

// Package title keeps secrets out of what other users see of a process: its arguments, as ps shows them.
package title

import (
	"strings"
	"unsafe"
)

// Hide returns a copy of arguments, and overwrites with asterisks in the memory of the process what follows --password, and the password of
// --user name:password; also where they are those of a program that is to be run, which gets them as they were. It takes what the runtime
// has made of the process's arguments, os.Args or a part of it, which is the memory that the kernel shows; anything else it must not be
// given. Until it has run the secret is seen: it is no reason to give a password so.
func Hide(args []string) []string {
	taken := make([]string, len(args))
	for i, arg := range args {
		taken[i] = strings.Clone(arg)
	}
	for i, arg := range taken {
		for _, flag := range []string{"--password", "--user"} {
			rest, isFlag := strings.CutPrefix(arg, flag)
			switch {
			case !isFlag:
			case rest == "" && i+1 < len(args):
				mask(args[i+1], secretAt(flag, taken[i+1]))
			case strings.HasPrefix(rest, "="):
				mask(args[i], len(flag)+1+secretAt(flag, rest[1:]))
			}
		}
	}
	return taken
}

// secretAt is where the secret begins in a flag's value: at its end, if there is none.
func secretAt(flag, value string) int {
	if flag == "--password" {
		return 0
	}
	if i := strings.IndexByte(value, ':'); i >= 0 {
		return i + 1
	}
	return len(value)
}

func mask(arg string, from int) {
	if from >= len(arg) {
		return
	}
	memory := unsafe.Slice(unsafe.StringData(arg), len(arg))
	for i := from; i < len(memory); i++ {
		memory[i] = '*'
	}
}
