package view

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

func TestHostileRecords(t *testing.T) {
	runViewCases(t, []viewCase{
		{"whatever somebody writes, it blinds nobody", anyJSON},
		{"what is within a record may be anything of its type", outOfBounds},
		{"a record that cannot be read is told once", badOnce},
		{"a name that begins another, or has a slash or a percent sign, is its own", nearNames},
		{"a stream of changes is shown in time", stream},
		{"an instance that comes and goes all the time is held no longer for that", flapping},
	})
}

func anyJSON(t *testing.T, s *scene) {
	ids := s.puts(t, 2)
	v := s.view(t, nil)
	shows(t, v, ids...)
	for _, value := range []string{
		"", "null", "[]", `"x"`, "0", "{", `{"format":1}{}`, "\x00", "\xff\xfe", `{"format":1e0}`, `{"format":"1"}`, `{"format":1,"weight":1e400}`,
		`{"format":1,"weight":99999999999999999999}`, `{"format":1,"pid":1.5}`, `{"format":1,"endpoints":{}}`, `{"format":1,"since":"yesterday"}`,
		`{"format":1,"metadata":{"a":1}}`, `{"format":1,"status":7}`, `{"format":2,"format":3}`,
		`{"format":1,"payload":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		`{"format":1,"x":` + strings.Repeat(`{"a":`, 100_000),
		strings.Repeat("9", kv.MaxValueLen),
	} {
		s.putRaw(t, "bad", []byte(value))
		after(time.Second)
		snap := v.Snapshot()
		require.Equal(t, ids, idsOf(snap), "%.60q", value)
		require.Len(t, snap.Bad, 1, "%.60q", value)
		require.Equal(t, registry.Live, snap.Health)
	}
}

func outOfBounds(t *testing.T, s *scene) {
	v := s.view(t, nil)
	for _, value := range []string{
		`{"format":1,"status":"serving","status":"weird","weight":-9223372036854775808,"weight":9223372036854775807}`,
		`{"format":1,"status":"","weight":-1,"endpoints":[{"address":""},{"address":"nowhere"},null,{}],"tags":null,"metadata":null}`,
		`{"format":1,"status":"serving","endpoints":null,"payload":null,"owner":"\u0000","zone":"` + strings.Repeat("z", registry.MaxSize) + `"}`,
		`{"format":1,"status":"serving","payload":` + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + `}`,
	} {
		s.putRaw(t, "odd", []byte(value))
		after(time.Second)
		snap := v.Snapshot()
		require.Equal(t, []string{"odd"}, idsOf(snap), "%.60q", value)
		require.Positive(t, snap.Instances[0].Weight)
		for _, e := range snap.Instances[0].Endpoints {
			require.NotEmpty(t, e.Address, "what has no address is no way to reach it")
		}
		require.Empty(t, snap.Bad)
	}
}

func badOnce(t *testing.T, s *scene) {
	s.putRaw(t, "bad", []byte("{"))
	s.put(t, "a")
	v := s.view(t, nil)
	after(time.Second)
	gen := v.Snapshot().Gen
	for range 5 {
		_, err := v.Refresh(t.Context())
		require.NoError(t, err)
		after(time.Second)
	}
	require.Equal(t, gen, v.Snapshot().Gen, "nothing has changed")
	s.putRaw(t, "bad", []byte("["))
	shows(t, v, "a")
	after(time.Second)
	require.Equal(t, gen+1, v.Snapshot().Gen, "it is another record that cannot be read")
}

func nearNames(t *testing.T, s *scene) {
	r := s.registry(t, nil)
	names := []string{"s", "s/", "s/i", "s/i/x", "s%", "s%2F", "s2", "S", "e", "i", " s", "ü"}
	views := map[string]*registry.View{}
	for n, name := range names {
		views[name] = r.View(name)
		defer views[name].Close()
		for _, id := range names[:n+1] {
			g, err := r.Register(t.Context(), registry.Instance{Service: name, ID: id})
			require.NoError(t, err)
			defer func() { require.NoError(t, g.Close(t.Context())) }()
		}
	}
	after(time.Second)
	services, err := r.Services(t.Context())
	require.NoError(t, err)
	require.Len(t, services, len(names))
	for n, name := range names {
		require.ElementsMatch(t, names[:n+1], idsOf(views[name].Snapshot()), "%q", name)
		for _, id := range names[:n+1] {
			i := views[name].Snapshot().Instance(id)
			require.Equal(t, []string{name, id}, []string{i.Service, i.ID})
			require.NoError(t, r.Drain(t.Context(), name, id))
		}
	}
}

func stream(t *testing.T, s *scene) {
	v := s.view(t, nil)
	after(time.Second)
	for n := range 300 { // faster than the debounce, and for longer than anything waits
		s.put(t, "a", "weight", n+1)
		time.Sleep(10 * time.Millisecond)
		if n > 50 {
			require.LessOrEqual(t, time.Since(v.Snapshot().At), 2*registry.DefaultDebounce)
			require.Greater(t, v.Snapshot().Instance("a").Weight, n-50)
		}
	}
}

func flapping(t *testing.T, s *scene) {
	ids := s.puts(t, 2)
	v := s.view(t, nil)
	shows(t, v, ids...)
	s.die(t, ids[1])
	for range 20 {
		s.die(t, ids[0])
		after(2 * time.Second)
		s.put(t, ids[0])
		after(3 * time.Second)
	}
	require.Equal(t, ids[:1], idsOf(v.Snapshot()), "the one that came back is no reason to go on showing the other")
	s.die(t, ids[0])
	require.LessOrEqual(t, shows(t, v), registry.DefaultHoldFor+time.Second)
}

func TestThousandsOfServicesInOneRegistry(t *testing.T) {
	runViewCases(t, []viewCase{{"each is shown by itself, and the close ends them all", func(t *testing.T, s *scene) {
		r := registry.New(s.st, nil)
		const n = 1000
		views := make([]*registry.View, n)
		var joining sync.WaitGroup
		for i := range views {
			views[i] = r.View(fmt.Sprint("s", i))
			joining.Go(func() {
				_, err := r.Register(t.Context(), registry.Instance{Service: fmt.Sprint("s", i), ID: "a"})
				assert.NoError(t, err)
			})
		}
		joining.Wait()
		for _, v := range views {
			_, err := v.WaitFor(t.Context(), 1)
			require.NoError(t, err)
		}
		services, err := r.Services(t.Context())
		require.NoError(t, err)
		require.Len(t, services, n)
		for _, v := range views[:n/2] {
			v.Close()
		}
		require.NoError(t, r.Close(t.Context()))
		_, err = views[n-1].Next(t.Context(), 1_000)
		require.ErrorIs(t, err, kv.ErrClosed)
	}}})
}
