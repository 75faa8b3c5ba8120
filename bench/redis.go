package main

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

// redsyncPeer keeps locks on one redis, which writes nothing to a disk: what redis forgets in a crash it gives to two. So compare it with
// etcd in memory; its locks have neither a queue nor a token, and who waits asks again every 50 to 250 ms.
const redsyncPeer = "redsync, one redis in memory"

var redisRows = []row{
	{"Lock + Unlock, free, beside redsync", nanoseconds, func(s *stage) []way {
		return besideRedsync(s, func(make func(s *stage) locker) func() block {
			l, name := make(s), s.name()
			return func() block {
				return s.each(etcdBlock, func() error {
					l.lock(name)()
					return nil
				})
			}
		})
	}},
	{"handoff to a waiter that queued 330 ms ago, beside redsync", nanoseconds, func(s *stage) []way {
		return besideRedsync(s, func(make func(s *stage) locker) func() block {
			return passing(s, parked, make(s).lock, make(s).lock)
		})
	}},
}

func besideRedsync(s *stage, measure func(make func(s *stage) locker) func() block) []way {
	addr, err := s.redis()
	if err != nil {
		s.leaveOut(err)
		return nil
	}
	return []way{
		{"coord", "", measure(newOurLocker)},
		{redsyncPeer, "", uncounted(measure(func(s *stage) locker { return newRedsyncLocker(s, addr) }))},
	}
}

// uncounted is a block of what makes no calls to etcd.
func uncounted(measure func() block) func() block {
	return func() block {
		b := measure()
		b.cost = math.NaN()
		return b
	}
}

// redis starts one, for as long as the row, and returns its address. There must be a redis-server on this machine.
func (s *stage) redis() (addr string, err error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("rows of redis: %w", err)
	}
	free := must(net.Listen("tcp", "127.0.0.1:0"))
	addr = free.Addr().String()
	port := free.Addr().(*net.TCPAddr).Port
	check(free.Close())
	cmd := exec.Command(program, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--save", "", "--appendonly", "no", "--dir", os.TempDir())
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("rows of redis: %w", err)
	}
	s.later(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 500 {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return addr, conn.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return "", errors.New("rows of redis: it does not listen")
}

type redsyncLocker struct{ rs *redsync.Redsync }

func newRedsyncLocker(s *stage, addr string) locker {
	c := redis.NewClient(&redis.Options{Addr: addr})
	s.later(func() { check(c.Close()) })
	return redsyncLocker{redsync.New(goredis.NewPool(c))}
}

func (l redsyncLocker) lock(name string) func() {
	m := l.rs.NewMutex(name, redsync.WithExpiry(15*time.Second), redsync.WithTries(1000))
	check(m.Lock())
	return func() { must(m.Unlock()) }
}
