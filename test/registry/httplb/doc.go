// Package httplb tests primitives/registry/httplb: most of it with a base transport that only notes what it is given, on fake
// time.
package httplb
