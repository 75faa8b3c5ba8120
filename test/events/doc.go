// Package events tests what the hooks of sessions and registries are told, and when.
package events
