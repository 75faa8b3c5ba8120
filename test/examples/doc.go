// Package examples builds the programs of examples/ and runs each as its users do: those that end by themselves to their end, the others
// until they get a signal.
package examples
