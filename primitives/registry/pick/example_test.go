package pick_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

// orders stands for what a view returns: view.Snapshot().
func orders() *registry.Snapshot {
	at := func(address string) []registry.Endpoint { return []registry.Endpoint{{Name: "http", Address: address}} }
	return &registry.Snapshot{Service: "orders", Gen: 1, Health: registry.Live, Instances: []*registry.Instance{
		{ID: "a", Status: registry.Serving, Zone: "eu-1", Weight: 100, Endpoints: at("10.0.0.1:80")},
		{ID: "b", Status: registry.Draining, Zone: "eu-1", Weight: 100, Endpoints: at("10.0.0.2:80")},
		{ID: "c", Status: registry.Serving, Zone: "eu-2", Weight: 300, Endpoints: at("10.0.0.3:80")},
	}}
}

func call(i *registry.Instance) error {
	e, ok := i.Endpoint("http")
	if !ok {
		return errors.New("no such endpoint")
	}
	fmt.Println("GET http://" + e.Address)
	return nil
}

func Example() {
	picker := pick.NewZoneFirst("eu-1", pick.NewP2C(nil), nil) // one for all callers of the service

	for range 2 {
		p, err := picker.Pick(orders())
		if err != nil {
			log.Fatal(err)
		}
		p.Done(call(p.Instance))
	}
	// Output:
	// GET http://10.0.0.1:80
	// GET http://10.0.0.1:80
}

func ExampleRendezvous() {
	r := pick.NewRendezvous(nil)
	for _, user := range []string{"ada", "bob", "cid", "ada"} {
		p, err := r.Pick(orders(), user)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(user, "is served by", p.Instance.ID)
	}
	// Output:
	// ada is served by c
	// bob is served by a
	// cid is served by a
	// ada is served by c
}

func ExampleNoneError() {
	s := orders()
	s.Instances = s.Instances[1:2]

	_, err := pick.NewRoundRobin(nil).Pick(s)
	fmt.Println(err)
	var none *pick.NoneError
	if errors.As(err, &none) && none.Health == registry.Never {
		fmt.Println("wait for the first snapshot") // view.WaitFor
	}

	p, err := pick.NewRoundRobin(&pick.Options{FailOpen: true}).Pick(s)
	fmt.Println(p.Instance.ID, err)
	// Output:
	// no instance of "orders" to pick: all (1) draining
	// b <nil>
}

// All pickers are used alike, so which one it is can be a setting.
func ExamplePicker() {
	p2c := &pick.P2COptions{Decay: -1} // for long streams: what counts is how many are under way
	for _, p := range []struct {
		name   string
		picker pick.Picker
	}{
		{"round robin", pick.NewRoundRobin(nil)},
		{"random", pick.NewRandom(nil)},
		{"weighted round robin", pick.NewWeightedRoundRobin(nil)},
		{"weighted random", pick.NewWeightedRandom(nil)},
		{"two choices", pick.NewP2C(p2c)},
		{"own zone first", pick.NewZoneFirst("eu-1", pick.NewRandom(nil), &pick.ZoneOptions{MinCount: 2})},
	} {
		picked, err := p.picker.Pick(orders())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.name, "takes one that serves:", picked.Instance.Status == registry.Serving)
		picked.Done(nil)
	}
	// Output:
	// round robin takes one that serves: true
	// random takes one that serves: true
	// weighted round robin takes one that serves: true
	// weighted random takes one that serves: true
	// two choices takes one that serves: true
	// own zone first takes one that serves: true
}
