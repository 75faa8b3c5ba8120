// Command clientgo stands for elections with Kubernetes' leaderelection package, for bench to compare coord's with; and it is the
// API server that they are held on.
//
//	clientgo serve
//	clientgo stand URL LEASE-DURATION RENEW-DEADLINE RETRY-PERIOD RELEASE-ON-CANCEL WRITES
//
// It is a module of its own, because the package draws in the whole client set: 700 packages that nobody else should download or compile.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

func main() {
	log.SetFlags(0)
	signal.Ignore(os.Interrupt) // the parent's, and with it the end of the input
	klog.SetLogger(logr.Discard())
	switch args := os.Args[1:]; {
	case len(args) == 1 && args[0] == "serve":
		serve()
	case len(args) == 7 && args[0] == "stand":
		stand(args[1:])
	default:
		log.Fatal("usage: clientgo serve | stand URL LEASE-DURATION RENEW-DEADLINE RETRY-PERIOD RELEASE-ON-CANCEL WRITES")
	}
}

// candidates are those of this process, each with a client set of its own, as each would have in a process of its own. They share a
// connection.
type candidates struct {
	config                      *rest.Config
	leaseDuration, renew, retry time.Duration
	releaseOnCancel, writes     bool
	wire                        *wire
	leave                       map[string]context.CancelFunc // only the commands' goroutine uses it
}

// stand does what bench says on standard input, and says there what becomes of it, until the input ends; then the process ends and gives
// nothing back. "stand NAME" has somebody stand for an election, and "leave NAME" end it. "leads NAME" tells of a leadership, and "ended
// NAME" that its context has ended. "count" is answered by how many requests were sent, how many bytes went both ways, and how many are
// in use. With writes, a leader says "wrote NAME" every 5 ms as long as its context has not ended.
func stand(args []string) {
	c := &candidates{
		leaseDuration: duration(args[1]), renew: duration(args[2]), retry: duration(args[3]),
		releaseOnCancel: args[4] == "true", writes: args[5] == "true",
		wire: new(wire), leave: make(map[string]context.CancelFunc),
	}
	c.config = &rest.Config{Host: args[0], Transport: c.wire.transport()}
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch verb, name, _ := strings.Cut(in.Text(), " "); verb {
		case "stand":
			var ctx context.Context
			ctx, c.leave[name] = context.WithCancel(context.Background())
			go c.run(ctx, name)
		case "leave":
			c.leave[name]()
		case "count":
			say(fmt.Sprint("count ", c.wire.requests.Load(), c.wire.bytes.Load(), inUse()))
		}
	}
}

func (c *candidates) run(ctx context.Context, name string) {
	id := resourcelock.ResourceLockConfig{Identity: "candidate-" + strconv.Itoa(os.Getpid())}
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, "default", name, id, c.config, c.renew)
	if err != nil {
		log.Fatal("clientgo: ", err)
	}
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: c.leaseDuration, RenewDeadline: c.renew, RetryPeriod: c.retry, ReleaseOnCancel: c.releaseOnCancel,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				say("leads " + name)
				for c.writes && ctx.Err() == nil {
					say("wrote " + name)
					time.Sleep(5 * time.Millisecond)
				}
				<-ctx.Done()
				say("ended " + name)
			},
			OnStoppedLeading: func() {},
		},
	})
}

// say writes a line at once.
func say(line string) { _, _ = os.Stdout.WriteString(line + "\n") }

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		log.Fatal("clientgo: ", err)
	}
	return d
}

// inUse is what the heap and the stacks take when pools are empty.
func inUse() int64 {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
