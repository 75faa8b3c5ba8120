// Package command holds the tests of the command coord, as a whole process, against an etcd that asks who one is, speaks TLS, or is full:
// what goes wrong there is told in one line, with the documented exit code.
package command
