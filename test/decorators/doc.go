// Package decorators tests the decorators of storages, on memory in fake time: each keeps the contract, with and without capabilities
// beneath it, and nothing goes round it.
package decorators
