//go:build unix

package cli

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
)

// registers makes somebody an instance, until the test's end.
func (b *bench) registers(i registry.Instance) *registry.Registration {
	b.t.Helper()
	r := registry.New(b.st, &registry.Options{Owner: session.Owner{Name: "web/" + i.ID, Host: "web", PID: 7, Program: "make"}})
	g, err := r.Register(b.t.Context(), i)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = r.Close(context.Background()) })
	return g
}

// full is an instance that says all that one can say.
var full = registry.Instance{
	Service: "web", ID: "a", Version: "1.2", Zone: "eu", Weight: 50, Tags: []string{"blue", "canary"},
	Endpoints: []registry.Endpoint{{Name: "http", Scheme: "https", Address: "10.0.0.1:443"}, {Address: "[::1]:80"}},
	Metadata:  map[string]string{"rack": "7", "k": "v"}, Payload: []byte(`{"shards":[1,2]}`),
}

// spoil stores a record that cannot be read.
func (b *bench) spoil(key kv.Key) {
	b.t.Helper()
	_, err := b.st.Create(b.t.Context(), kv.Record{Key: key, Value: kv.Value("?")})
	require.NoError(b.t, err)
}

func TestServicesAreListedWithTheirInstances(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		require.Equal(t, "[]\n", b.ok("service", "ls", "-o", "json"))
		b.registers(full)
		b.registers(registry.Instance{Service: "web", ID: "b", Status: registry.Draining})
		require.NoError(t, b.registers(registry.Instance{Service: "past"}).Close(t.Context()))
		b.spoil("coord/registry/web/i/c%2Fd")
		time.Sleep(90 * time.Second)
		golden(t, `
			NAME  SERVING  INSTANCES  UNREADABLE  ADDRESSES
			past  0        0          0           -
			web   1        2          1           10.0.0.1:443,[::1]:80
		`, b.ok("service", "ls"))
		golden(t, `
			past  0  0  0  -                      -    -
			web   1  2  1  10.0.0.1:443,[::1]:80  1.2  eu
		`, b.ok("service", "ls", "-o", "wide", "--no-headers"))
		golden(t, `
			ID     STATUS        ENDPOINTS                           VERSION  ZONE  WEIGHT  AGE    TTL
			a      serving       http=https://10.0.0.1:443,[::1]:80  1.2      eu    50      1m30s  15s
			b      draining      -                                   -        -     100     1m30s  15s
			c%2Fd  (unreadable)  -                                   -        -     -       -      -
		`, b.ok("service", "describe", "web"))
		require.Contains(t, b.ok("service", "describe", "web", "-o", "wide"), "blue,canary  k=v,rack=7  web/a  make")
		require.Equal(t, "past\nweb\n", b.ok("service", "ls", "-o", "name"))
	})
}

func TestServiceInYAMLHasEveryField(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.registers(full)
		b.spoil("coord/registry/web/i/b")
		golden(t, `
			name: web
			serving: 1
			instances:
			  - id: a
			    key: coord/registry/web/i/a
			    revision: 946684800000000002
			    status: serving
			    ordered: false
			    held: false
			    endpoints:
			      - name: http
			        scheme: https
			        address: 10.0.0.1:443
			      - name: ""
			        scheme: ""
			        address: '[::1]:80'
			    version: "1.2"
			    zone: eu
			    weight: 50
			    tags:
			      - blue
			      - canary
			    metadata:
			      k: v
			      rack: "7"
			    payload:
			      shards:
			        - 1
			        - 2
			    lease: d234ccf52430001
			    ttl_seconds: 15
			    owner: web/a
			    host: web
			    pid: 7
			    program: make
			    since: "2000-01-01T00:00:00Z"
			unreadable:
			  - key: coord/registry/web/i/b
			    error: invalid character '?' looking for beginning of value
		`, b.ok("service", "describe", "web", "-o", "yaml"))
	})
}

func TestServiceWithoutInstancesIsAnsweredWithOne(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		out, messages, code := b.run("service", "describe", "web", "-o", "jsonl")
		require.Equal(t, 1, code)
		require.Equal(t, `{"name":"web","serving":0,"instances":[],"unreadable":[]}`+"\n", out)
		require.Equal(t, `coord: service "web" has no instance`+"\n", messages)
	})
}

func TestDescribeFollowsAService(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		p := b.start("service", "describe", "web", "--watch", "-o", "jsonl")
		require.Equal(t, `{"name":"web","serving":0,"instances":[],"unreadable":[]}`+"\n", p.wrote())
		g := b.registers(full)
		require.Contains(t, p.wrote(), `"serving":1`)
		time.Sleep(time.Hour)
		require.Empty(t, p.wrote(), "renewals are no change")
		require.NoError(t, g.Close(t.Context()))
		require.Contains(t, p.wrote(), `"serving":0`)
	})
}

func TestDrainOrdersAnInstanceAndTakesTheOrderBack(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		require.Contains(t, b.no(1, "service", "drain", "web", "a"), "no such instance")
		g := b.registers(full)
		_, messages, code := b.run("service", "drain", "web", "a")
		require.Zero(t, code, messages)
		require.Equal(t, `instance "a" of service "web" is drained`+"\n", messages)
		require.Contains(t, b.ok("service", "describe", "web", "--no-headers"), "a  draining (ordered)  ")
		time.Sleep(2 * time.Second) // it looks at its record from a second after its own write
		require.True(t, g.State().Ordered, "it was not told")
		b.ok("service", "drain", "--undo", "web", "a")
		require.Contains(t, b.ok("service", "describe", "web", "--no-headers"), "a  serving  ")
		b.spoil("coord/registry/web/i/b")
		require.Contains(t, b.no(125, "service", "drain", "web", "b"), "cannot be read")
	})
}

func TestServiceWatchTellsWhoJoinsChangesAndLeaves(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.registers(registry.Instance{Service: "web", ID: "first"})
		p := b.start("service", "watch", "web")
		now := time.Now().Local().Format(time.TimeOnly)
		require.Equal(t, now+"  health   live, 1 instance\n"+now+"  present  first  serving  -\n", p.wrote())
		g := b.registers(full)
		time.Sleep(time.Second)
		require.Regexp(t, `^[0-9:]+  joined   a  serving  http=https://10.0.0.1:443,\[::1\]:80  version 1.2  zone eu\n$`, p.wrote())
		require.NoError(t, g.SetStatus(t.Context(), registry.Draining))
		time.Sleep(time.Second)
		require.Regexp(t, `^[0-9:]+  changed  a  draining  .*\n$`, p.wrote())
		require.NoError(t, g.Close(t.Context()))
		time.Sleep(time.Second)
		require.Regexp(t, `^[0-9:]+  left     a  draining  .*\n$`, p.wrote())
		b.spoil("coord/registry/web/i/z")
		time.Sleep(time.Second)
		require.Regexp(t, `^[0-9:]+  health   live, 1 instance, 1 unreadable record\n$`, p.wrote())
		time.Sleep(time.Hour)
		require.Empty(t, p.wrote())
		p.stop()
		require.Zero(t, <-p.code)
	})
}

func TestServiceWatchTellsTheHealthOfWhatItShows(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.registers(full)
		away := &silent{Storage: b.st, from: time.Now().Add(time.Minute)}
		b.st = away
		p := b.start("service", "watch", "web", "-o", "jsonl")
		require.Regexp(t, `^{"event":"health","name":"web","at":"2000-.*","health":"live","instances":1,"unreadable":0}\n`+
			`{"event":"present","name":"web",.*"instance":{"id":"a",.*}}\n$`, p.wrote())
		time.Sleep(2 * time.Minute)
		require.Regexp(t, `^{"event":"health",.*"health":"stale","instances":1,"unreadable":0,"error":".*unavailable.*"}\n$`, p.wrote())
		p.stop()
		<-p.code
	})
}

// silent is a storage that cannot be read from some time on, and cannot watch ranges.
type silent struct {
	kv.Storage
	from time.Time
}

func (s *silent) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	if time.Now().After(s.from) {
		return kv.Record{}, kv.ErrUnavailable
	}
	return s.Storage.Get(ctx, key)
}

func TestRegisterPrintsItsIDAndStaysUntilInterrupted(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		var out, messages synced
		signals := make(chan os.Signal, 1)
		o := &registerOptions{app: &app{IO: b.io(&out, &messages)}, instance: full, drainFor: 10 * time.Second}
		ended := make(chan error, 1)
		go func() { ended <- o.run(t.Context(), signals) }()
		synctest.Wait()
		require.Equal(t, "a\n", out.take())
		time.Sleep(time.Hour)
		require.Contains(t, b.ok("service", "describe", "web", "--no-headers"), "a  serving  ")
		b.ok("service", "drain", "web", "a")
		synctest.Wait()
		require.Equal(t, "coord: instance \"a\" of service \"web\" was drained by an operator\n", messages.take())
		b.ok("service", "drain", "--undo", "web", "a")
		synctest.Wait()
		require.Contains(t, messages.take(), "is serving again")

		signals <- unix.SIGTERM
		time.Sleep(9 * time.Second)
		require.Contains(t, b.ok("service", "describe", "web", "--no-headers"), "a  draining  ")
		require.Empty(t, ended)
		time.Sleep(time.Second)
		synctest.Wait()
		require.NoError(t, <-ended)
		b.run("service", "describe", "web")
		require.Equal(t, "web  0  0  0  -\n", b.ok("service", "ls", "--no-headers"))
	})
}

func TestSecondSignalCutsTheDrainShort(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		var out, messages synced
		signals := make(chan os.Signal, 1)
		o := &registerOptions{app: &app{IO: b.io(&out, &messages)}, instance: full, drainFor: time.Hour}
		ended := make(chan error, 1)
		go func() { ended <- o.run(t.Context(), signals) }()
		synctest.Wait()
		signals <- unix.SIGINT
		synctest.Wait()
		require.Empty(t, ended)
		signals <- unix.SIGINT
		synctest.Wait()
		require.NoError(t, <-ended)
	})
}

func TestRegisterTellsOfALostRegistration(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		p := b.startRegister(full)
		lease, err := b.st.Get(t.Context(), "coord/registry/web/i/a")
		require.NoError(t, err)
		b.ok("lease", "release", "--yes", leaseID(lease.Lease).String())
		time.Sleep(time.Minute)
		require.Regexp(t, `(?s)^coord: instance "a" of service "web" is not registered any more, and comes back when it can.*\n`+
			`coord: instance "a" of service "web" is registered again\n$`, p.messages.take())
		b.ok("service", "describe", "web")
	})
}

// startRegister registers an instance until the test's end.
func (b *bench) startRegister(i registry.Instance) *process {
	b.t.Helper()
	p := &process{t: b.t, code: make(chan int, 1)}
	signals := make(chan os.Signal, 1)
	o := &registerOptions{app: &app{IO: b.io(&p.out, &p.messages)}, instance: i}
	go func() { p.code <- codeOf(o.run(b.t.Context(), signals), exitFailed) }()
	b.t.Cleanup(func() { signals <- unix.SIGTERM; <-p.code })
	synctest.Wait()
	return p
}

func TestRegisterRefusesAnIDInUse(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.registers(full)
		o := &registerOptions{app: &app{IO: b.io(&synced{}, &synced{})}, instance: full}
		err := o.run(t.Context(), nil)
		require.Equal(t, exitNotAcquired, codeOf(err, exitFailed))
		require.ErrorContains(t, err, `instance ID "a" in use by web/a (make)`)
		o.registry.OnDuplicate = registry.WaitExpiry
		began := time.Now()
		require.Equal(t, exitNotAcquired, codeOf(o.run(t.Context(), nil), exitFailed))
		require.Equal(t, 2*registry.DefaultTTL, time.Since(began).Round(time.Second))
	})
}

func TestMistakesInServiceCommandsAreUsageErrors(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		for _, args := range []string{
			"bogus", "ls x", "ls -o xml", "describe", "describe a\nb", "watch", "watch a b", "watch -o yaml a", "drain a", "drain a b c", "drain a \x01",
			"register", "register -- true", "register web --", "register web true", "register web x -- true",
			"register web --id=", "register web --id a\nb", "register web --endpoint nowhere", "register web --endpoint http=h:99999",
			"register web --endpoint http=h:0", "register web --weight 0", "register web --weight -1", "register web --meta k",
			"register web --meta =v", "register web --meta k=v --meta k=w", "register web --ttl 0", "register web --ttl soon",
			"register web --drain-for -1", "register web --check-every 1", "register web --check true --check-every 0",
			"register web --on-duplicate maybe", "register web -q -v", "register web --zone \xff",
		} {
			b.no(64, append([]string{"service"}, strings.Split(args, " ")...)...)
		}
		require.Contains(t, b.no(64, "service", "drain", "web", ""), "which of its instances")
		require.Contains(t, b.no(64, "service", "register", "web", "true"), `"true": a command goes behind --`)
	})
}

func TestEndpointsAreReadAsTheyAreShown(t *testing.T) {
	for _, text := range []string{"h:1", "grpc=h:1", "https://h:1", "http=https://[::1]:1"} {
		e, err := endpoint(text)
		require.NoError(t, err)
		require.Equal(t, text, endpointView(e).String())
	}
}

func TestCheckSaysWhatItPrintedLast(t *testing.T) {
	a := &app{}
	env := []string{"PATH=" + os.Getenv("PATH"), "WHO=me"}
	require.NoError(t, a.runCheck(t.Context(), `test "$WHO" = me`, env))
	require.EqualError(t, a.runCheck(t.Context(), "echo one; echo two >&2; echo; exit 3", env), "check ended with exit code 3: two")
	require.EqualError(t, a.runCheck(t.Context(), "kill -9 $$", env), "check was ended by SIGKILL")
	// What it leaves behind does not hold it up.
	require.EqualError(t, a.runCheck(t.Context(), "sleep 60 & exit 1", env), "check ended with exit code 1")
}
