// Package otelcoord tests the package of that name with the SDK of OpenTelemetry, which stays out of the go.sum of who imports it only because
// its tests are here.
package otelcoord
