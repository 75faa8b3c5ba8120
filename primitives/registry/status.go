package registry

import "fmt"

// Status is what an instance says about whether it wants work.
type Status string

// The states of an instance. Any of the first four can follow any other. There is no state for "dead": a dead instance is not there.
const (
	// Starting: it is here and does not take work yet.
	Starting Status = "starting"
	// Serving: it takes work.
	Serving Status = "serving"
	// NotServing: it is here, and its own check says that it cannot take work now.
	NotServing Status = "not_serving"
	// Draining: it finishes what it has and will leave. Nothing new should be sent to it.
	Draining Status = "draining"

	// left is its farewell. Readers drop the instance at once; the record goes with its lease.
	left Status = "left"
)

// validate returns why an instance cannot be registered with the status, or set to it.
func (s Status) validate() error {
	switch s {
	case Starting, Serving, NotServing, Draining:
		return nil
	}
	return fmt.Errorf("unknown status %q", string(s))
}
