package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/httplb"
)

// caller calls the service again and again, by its name alone.
type caller struct {
	end func() // ends it, and waits until it has

	mu          sync.Mutex
	by          map[string]int // answers since the last report, by who has answered
	all, failed int
}

func call(ctx context.Context, r *registry.Registry) *caller {
	ctx, cancel := context.WithCancel(ctx)
	c := &caller{by: map[string]int{}}
	var work sync.WaitGroup
	work.Go(func() {
		lb := httplb.New(r, nil)
		defer lb.Close()
		client := &http.Client{Transport: lb, Timeout: 5 * time.Second}
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			resp, err := client.Get("http://" + service)
			if err != nil {
				c.count("", err)
				continue
			}
			who, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			c.count(string(who), err)
		}
	})
	c.end = func() { cancel(); work.Wait() }
	return c
}

func (c *caller) count(who string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all++
	if err != nil {
		c.failed++
		fmt.Println("  failed:", err)
		return
	}
	c.by[who]++
}

// report says who answers during the next second.
func (c *caller) report(when string) {
	c.mu.Lock()
	clear(c.by)
	c.mu.Unlock()
	time.Sleep(time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Printf("  %s, and %s answer\n", when, strings.Join(slices.Sorted(maps.Keys(c.by)), ", "))
}
