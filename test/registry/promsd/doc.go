// Package promsd tests primitives/registry/promsd.
package promsd
