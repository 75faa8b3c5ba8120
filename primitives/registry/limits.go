package registry

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/names"
)

// The bounds of what an instance says, beside [Options.MaxSize] for all of it together. They are checked when it is written only:
// readers take what they find.
const (
	MaxEndpoints = 16
	MaxTags      = 64
	MaxMetadata  = 64
	// MaxText is the length in bytes of the longest name, scheme or address of an endpoint, version, zone, tag, and key of metadata.
	MaxText = 255
	// MaxWeight is the greatest weight.
	MaxWeight = 1_000_000
)

// ValidateService returns nil for a name that a service can have: 1 to 255 bytes of valid UTF-8 without control characters. Otherwise it
// returns an error that is kv.ErrInvalid and says what is wrong.
func ValidateService(name string) error { return names.Validate("service", name) }

// Validate returns nil for an instance that can be registered, as far as that can be told without a registry, whose [Options.MaxSize] bounds it
// too; otherwise an error that is kv.ErrInvalid and says what is wrong. What is empty is what Register takes it for.
func (i *Instance) Validate() error {
	c := *i
	if c.ID == "" {
		c.ID = randomHex()
	}
	c.complete()
	return c.validate()
}

// validate returns nil for an instance that may be registered, and otherwise an error that is kv.ErrInvalid.
func (i *Instance) validate() error {
	if err := ValidateService(i.Service); err != nil {
		return err
	}
	if err := names.Validate("instance", i.ID); err != nil {
		return err
	}
	if err := instanceKey(i.Service, i.ID).Validate(); err != nil { // two long names that have much to escape
		return err
	}
	if err := i.check(); err != nil {
		return fmt.Errorf("%w: instance %q of service %q: %w", kv.ErrInvalid, i.ID, i.Service, err)
	}
	return nil
}

func (i *Instance) check() error {
	switch {
	case len(i.Endpoints) > MaxEndpoints:
		return fmt.Errorf("%d endpoints, at most %d", len(i.Endpoints), MaxEndpoints)
	case len(i.Tags) > MaxTags:
		return fmt.Errorf("%d tags, at most %d", len(i.Tags), MaxTags)
	case len(i.Metadata) > MaxMetadata:
		return fmt.Errorf("%d pairs of metadata, at most %d", len(i.Metadata), MaxMetadata)
	case i.Weight < 1 || i.Weight > MaxWeight:
		return fmt.Errorf("weight %d is not within 1 and %d", i.Weight, MaxWeight)
	case len(i.Payload) > 0 && !json.Valid(i.Payload):
		return fmt.Errorf("payload is not valid JSON")
	}
	if err := i.Status.validate(); err != nil {
		return err
	}
	for _, e := range i.Endpoints {
		if err := e.check(); err != nil {
			return err
		}
	}
	return i.checkTexts()
}

func (i *Instance) checkTexts() error {
	if err := checkText("version", i.Version); err != nil {
		return err
	}
	if err := checkText("zone", i.Zone); err != nil {
		return err
	}
	for _, tag := range i.Tags {
		if err := checkText("tag", tag); err != nil {
			return err
		}
	}
	for k, v := range i.Metadata {
		if err := checkText("metadata key", k); err != nil {
			return err
		}
		if !utf8.ValidString(v) {
			return fmt.Errorf("metadata %q is not valid UTF-8", k)
		}
	}
	return nil
}

func (e Endpoint) check() error {
	if err := checkText("endpoint name", e.Name); err != nil {
		return err
	}
	if err := checkText("endpoint scheme", e.Scheme); err != nil {
		return err
	}
	if err := checkText("endpoint address", e.Address); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(e.Address)
	if err != nil {
		return fmt.Errorf("endpoint %q: %w", e.Name, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); host == "" || err != nil || n == 0 {
		return fmt.Errorf("endpoint %q: %q is no host and port that others can dial", e.Name, e.Address)
	}
	return nil
}

func checkText(what, s string) error {
	switch {
	case len(s) > MaxText:
		return fmt.Errorf("%s of %d bytes, at most %d", what, len(s), MaxText)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %q is not valid UTF-8", what, s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%s %q has a control character", what, s)
	}
	return nil
}
