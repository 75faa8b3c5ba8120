// Package semaphore tests primitives/semaphore on every kind of store.
package semaphore
