package kv

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"
)

// The bounds of keys and values in bytes, the same for every backend.
const (
	MaxKeyLen   = 1 << 10
	MaxValueLen = 1 << 20
)

// Validate returns nil for a key that may be stored, and otherwise an error that wraps [ErrInvalid] (empty, broken
// UTF-8) or [ErrTooLarge] and says what is wrong.
func (k Key) Validate() error {
	switch {
	case k == "":
		return fmt.Errorf("%w: empty key", ErrInvalid)
	case len(k) > MaxKeyLen:
		return fmt.Errorf("%w: key of %d bytes, at most %d", ErrTooLarge, len(k), MaxKeyLen)
	case !utf8.ValidString(string(k)):
		return fmt.Errorf("%w: key is not valid UTF-8", ErrInvalid)
	}
	return nil
}

// Validate checks key and value against their bounds, for backends: Create and CasByVersion return its error before they
// do anything.
func (r Record) Validate() error {
	if err := r.Key.Validate(); err != nil {
		return err
	}
	if len(r.Value) > MaxValueLen {
		return fmt.Errorf("%w: value of %d bytes, at most %d", ErrTooLarge, len(r.Value), MaxValueLen)
	}
	return nil
}

// ValidateContext returns nil unless ctx is nil, which is [ErrInvalid], for backends.
func ValidateContext(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("%w: nil context", ErrInvalid)
	}
	return nil
}

// ValidateTTL returns nil for a positive ttl and otherwise [ErrInvalid], for backends.
func ValidateTTL(ttl time.Duration) error {
	if ttl <= 0 {
		return fmt.Errorf("%w: lease TTL %v is not positive", ErrInvalid, ttl)
	}
	return nil
}
