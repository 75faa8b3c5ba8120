// Package intercept decorates a storage so that every call goes through one function, which may count it, time it, delay it, refuse
// it, or lose its answer.
//
// What it makes keeps the whole contract of package kv as long as the function lets calls through; package kvtest tests that.
// Capabilities and leases of the storage beneath go through the function, too, and are absent where that has none, so nothing goes
// round it. Packages count, fault and instrument are made with it.
package intercept
