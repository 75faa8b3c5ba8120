//go:build linux

package faults

import (
	"fmt"
	"net"
	"net/rpc"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

// vault is what the locks guard: for each name a counter that takes every write, and one behind a fence. A holder reads both once, when it
// comes in, and then writes one more, and one more: so whatever an overtaken holder writes takes acknowledged writes away. One that shares
// reads again and again instead.
type vault struct {
	mu      sync.Mutex
	shelves map[string]*shelf
}

// shelf is what one lock guards.
type shelf struct {
	gate          fence.Gate
	holder        string     // who came in last
	since         time.Time  // when the last one came in that does not share
	reader        kv.Version // the highest token of one that shares
	readerSince   time.Time  // when it came in
	naive, fenced int64
	written       int64 // acknowledged writes to the naive counter
	admitted      int64 // acknowledged writes to the fenced one
	read          int64 // reads
	stale         int64 // writes and reads of one that somebody had overtaken who may not hold beside it
	wrong         int64 // those of them whose holder had found its claim valid after the next one came in
	entries       int
	tokens        map[kv.Version]string // who had them
	twice         []string              // tokens that two had
}

// Entry is a holder that comes in and Write one that writes, or reads if it shares; Counters is what it is told. They are exported for net/rpc.
type (
	Entry struct {
		Lock, Holder string
		Token        kv.Version
		Shared       bool
	}
	Write struct {
		Entry
		Naive, Fenced int64
		Checked       time.Time // when the holder last found its claim valid; zero if it did not look
	}
	Counters struct {
		Naive, Fenced int64
		Refused       bool // by the fence
	}
)

func newVault() *vault { return &vault{shelves: make(map[string]*shelf)} }

func (v *vault) shelf(lock string) *shelf {
	s := v.shelves[lock]
	if s == nil {
		s = &shelf{tokens: make(map[kv.Version]string)}
		v.shelves[lock] = s
	}
	return s
}

func (v *vault) enter(e Entry) (c Counters) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.shelf(e.Lock)
	if first, seen := s.tokens[e.Token]; seen {
		s.twice = append(s.twice, fmt.Sprintf("%s: token %d of %s and %s", e.Lock, e.Token, first, e.Holder))
	}
	s.tokens[e.Token] = e.Holder
	if s.admit(e) != nil {
		return Counters{Refused: true} // it was paused between getting the lock and coming in
	}
	s.holder = e.Holder
	if !e.Shared {
		s.since = time.Now()
	} else if e.Token > s.reader {
		s.reader, s.readerSince = e.Token, time.Now()
	}
	s.entries++
	return Counters{Naive: s.naive, Fenced: s.fenced}
}

func (s *shelf) admit(e Entry) error {
	if e.Shared {
		return s.gate.AdmitShared(e.Token)
	}
	return s.gate.Admit(e.Token)
}

func (v *vault) write(w Write) Counters {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.shelf(w.Lock)
	if w.Shared {
		s.read++
	} else {
		s.naive = w.Naive
		s.written++
	}
	refused := s.admit(w.Entry) != nil
	switch {
	case refused:
		s.overtaken(w, s.since)
	case !w.Shared && w.Token < s.reader: // which the gate lets in
		s.overtaken(w, s.readerSince)
	}
	if !refused && !w.Shared {
		s.fenced = w.Fenced
		s.admitted++
	}
	return Counters{Naive: s.naive, Fenced: s.fenced, Refused: refused}
}

// overtaken counts what somebody did after another one had come in.
func (s *shelf) overtaken(w Write, since time.Time) {
	s.stale++
	if w.Checked.After(since) {
		s.wrong++
	}
}

// inside are the locks whose last holder is the one asked for.
func (v *vault) inside(holder string) (locks []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, s := range v.shelves {
		if s.holder == holder {
			locks = append(locks, name)
		}
	}
	return locks
}

// lastEntry is when the holder came in last anywhere.
func (v *vault) lastEntry(holder string) (at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.shelves {
		if s.holder == holder && s.since.After(at) {
			at = s.since
		}
	}
	return at
}

// forget clears all shelves away.
func (v *vault) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.shelves)
}

// sum adds up the shelves whose lock is among those asked for.
func (v *vault) sum(among func(lock string) bool) *shelf {
	all := &shelf{}
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, s := range v.shelves {
		if among(name) {
			all.naive, all.fenced = all.naive+s.naive, all.fenced+s.fenced
			all.written, all.admitted = all.written+s.written, all.admitted+s.admitted
			all.stale, all.entries = all.stale+s.stale, all.entries+s.entries
			all.wrong, all.read = all.wrong+s.wrong, all.read+s.read
			all.twice = append(all.twice, s.twice...)
		}
	}
	return all
}

// check checks what holds whatever the holders do, and logs the rest.
func (s *shelf) check(t *testing.T, who string) {
	t.Helper()
	t.Logf("%s: %d writes and %d reads in %d holds, %d stale; lost of the writes acknowledged: naive %d, fenced %d",
		who, s.written, s.read, s.entries, s.stale, s.written-s.naive, s.admitted-s.fenced)
	require.NotZero(t, s.written, "%s: nothing was written", who)
	require.Equal(t, s.admitted, s.fenced, "%s: the fenced counter lost writes", who)
	require.Zero(t, s.wrong, "%s: claims that were found valid when another one held", who)
	require.Empty(t, s.twice, "%s: tokens that two had", who)
}

// Service is the vault as other processes see it.
type Service struct{ v *vault }

// Enter is vault.enter.
func (s Service) Enter(e Entry, c *Counters) error { *c = s.v.enter(e); return nil }

// Write is vault.write.
func (s Service) Write(w Write, c *Counters) error { *c = s.v.write(w); return nil }

// serve lets other processes come in, until the end of the test, and returns where.
func (v *vault) serve(t *testing.T) string {
	t.Helper()
	server := rpc.NewServer()
	require.NoError(t, server.RegisterName("Vault", Service{v}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // the end of the test
			}
			go server.ServeConn(conn)
		}
	}()
	return ln.Addr().String()
}
