//go:build unix

package cli

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
)

// healthy is what the doctor says of a store on which all is well.
const healthy = `
			ok    read      0.0 ms, 0.0 to 0.0 in 5
			ok    lease     asked for 15s and 1s, granted as much
			ok    write     0.0 ms, 0.0 to 0.0 in 5
			ok    leases    whatever belongs to a process goes with its lease
			ok    records   all can be read
			ok    services  each has its epoch
			ok    delays    no lock is delayed
			ok    keys      all keys under coord/ are coord's
			ok    clock     nobody's is seen to be ahead of this host's; the store tells no time
`

func TestDoctorFindsNothingWhereAllIsWell(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		golden(t, healthy+"		", b.ok("doctor"))
		require.Empty(t, b.ok("kv", "ls"), "it left a key")
		require.Empty(t, b.ok("lease", "ls"), "it left a lease")

		b.holds("web/1", "deploy", "")
		b.queues("web/2", "deploy")
		b.leads("a", "e", "")
		b.acquires("web/3", "pool", 1)
		b.registers(full)
		require.NoError(t, b.registers(registry.Instance{Service: "gone"}).Close(t.Context()))
		_, err := mutex.New(b.owner("web/4"), "delayed", &mutex.Options{Delay: time.Minute}).Lock(t.Context())
		require.NoError(t, err)
		golden(t, healthy+"		", b.ok("doctor"))
		require.Empty(t, b.ok("doctor", "-q"))
	})
}

// diagnosis is what the doctor finds that is not well.
func (b *bench) diagnosis(code int) map[string]findingView {
	b.t.Helper()
	out, messages, got := b.run("doctor", "-q", "-o", "json")
	require.Equal(b.t, code, got, "%s%s", out, messages)
	require.Empty(b.t, messages)
	var all []findingView
	require.NoError(b.t, json.Unmarshal([]byte(out), &all))
	found := make(map[string]findingView)
	for _, f := range all {
		require.NotEmpty(b.t, f.Advice, f.Detail)
		found[f.Detail] = f
	}
	return found
}

func TestDoctorFindsWhatGoesWithNoLease(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.ok("kv", "put", "coord/lock/l/w/x", `{"format":1}`)
		b.ok("kv", "put", "coord/semaphore/s/q/x", `{"format":1,"weight":1}`)
		b.ok("kv", "put", "coord/election/e/c/x", `{"format":1}`)
		found := b.diagnosis(1)["entries without a lease (3)"]
		require.Equal(t, resultFail, found.Result)
		require.Equal(t, []string{"coord/election/e/c/x", "coord/lock/l/w/x", "coord/semaphore/s/q/x"}, found.Keys)
	})
}

func TestDoctorFindsWhatCannotBeRead(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.registers(full)
		b.spoil("coord/registry/web/i/b")
		found := b.diagnosis(1) // it has no lease either
		require.Equal(t, []string{"coord/registry/web/i/b"}, found["unreadable instances (1)"].Keys)
		require.Equal(t, resultWarn, found["unreadable instances (1)"].Result)
		require.Equal(t, []string{"coord/registry/web/i/b"}, found["instances without a lease (1)"].Keys)
		b.spoil("coord/lock/l/w/x")
		b.spoil("coord/semaphore/a%20b/limit")
		b.spoil("coord/election/e/term")
		blocking := b.diagnosis(1)["unreadable records that block others (3)"]
		require.Equal(t, resultFail, blocking.Result)
		require.Equal(t, []string{"coord/lock/l/w/x", "coord/semaphore/a%20b/limit", "coord/election/e/term"}, blocking.Keys)
	})
}

func TestDoctorWarnsOfLeftovers(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.registers(full)
		require.NoError(t, b.st.Delete(t.Context(), "coord/registry/web/e"))
		b.ok("kv", "put", "coord/other", "")
		b.ok("kv", "put", "elsewhere", "")
		h, err := mutex.New(b.owner("web/4"), "a b", &mutex.Options{Delay: time.Minute}).Lock(t.Context())
		require.NoError(t, err)
		require.NoError(t, b.st.Delete(t.Context(), h.Key()))
		synctest.Wait()
		found := b.diagnosis(0)
		require.Len(t, found, 3)
		require.Equal(t, []string{"coord/registry/web/e"}, found["services without their epoch (1)"].Keys)
		require.Equal(t, []string{"coord/other"}, found["keys under coord/ that are none of coord's (1)"].Keys)
		delay := found["delays of holders that did not give their lock back (1)"]
		require.Len(t, delay.Keys, 1)
		require.Contains(t, delay.Advice, "waits up to 1m0s")
		b.ok("kv", "create", "coord/registry/web/e", "1") // as it advises
		require.NotContains(t, b.diagnosis(0), "services without their epoch (1)")
	})
}

func TestDoctorTellsOfAClockThatIsAhead(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		l, err := b.st.Lessor().NewLease(t.Context(), time.Hour, false)
		require.NoError(t, err)
		value := `{"format":1,"owner":"web/9","since":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`
		_, err = b.st.Create(t.Context(), kv.Record{Key: "coord/lock/l/w/x", Value: kv.Value(value), Lease: l.Id()})
		require.NoError(t, err)
		require.Contains(t, b.diagnosis(0), "the clock of web/9 is ahead of this host's by 1h0m0s at least")
	})
}

func TestDoctorOfAStoreThatCannotBeHad(t *testing.T) {
	out, messages, code := call(t, "doctor")
	require.Equal(t, 1, code, messages)
	require.Regexp(t, `^fail  store     local store: forbidden by COORD_LOCAL=off.*\n$`, out)
	b := &bench{t: t, env: map[string]string{"COORD_DIAL_TIMEOUT": "soon"}}
	out, _, code = b.run("doctor")
	require.Equal(t, 1, code)
	require.Regexp(t, `^fail  settings  .*COORD_DIAL_TIMEOUT="soon".*; correct the flag or the variable\n$`, out)
	b.no(64, "doctor", "-o", "table")
	b.no(64, "doctor", "me")
}
