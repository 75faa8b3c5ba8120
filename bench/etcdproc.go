package main

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// serveCommand is the argument with which this program is an etcd.
const serveCommand = "serve-etcd"

// server is an etcd in a process of its own, alone in its cluster, or what others have instead of one.
type server struct {
	endpoint string
	cmd      *exec.Cmd
	stdin    io.Closer
}

// serveIn runs a server with its data below dir.
func serveIn(dir string) *server {
	return startServer(exec.Command(must(os.Executable()), serveCommand, dir))
}

// startServer runs what prints its endpoint once it is ready, and ends when its input does.
func startServer(cmd *exec.Cmd) *server {
	cmd.Stderr = os.Stderr
	stdin := must(cmd.StdinPipe())
	stdout := must(cmd.StdoutPipe())
	check(cmd.Start())
	endpoint, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		check(fmt.Errorf("%v does not start: %w, %w", cmd.Args, err, cmd.Wait()))
	}
	return &server{strings.TrimSpace(endpoint), cmd, stdin}
}

// address is the endpoint without its scheme.
func (s *server) address() string { return strings.TrimPrefix(s.endpoint, "http://") }

func (s *server) stop() {
	check(s.stdin.Close())
	check(s.cmd.Wait())
}

// serve is the server: it prints its endpoint once it is ready, and ends and removes its data when standard input ends, that is
// with its parent at the latest.
func serve(dir string) error {
	signal.Ignore(os.Interrupt) // the parent's, and with it the end of the input
	data, err := os.MkdirTemp(dir, "coord-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)

	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:1"} // nobody comes
	cfg := embed.NewConfig()
	cfg.Dir = data
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = anyPort, anyPort
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = nil, []url.URL{peer}
	cfg.InitialCluster = cfg.Name + "=" + peer.String()
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer etcd.Close()
	<-etcd.Server.ReadyNotify()
	fmt.Println("http://" + etcd.Clients[0].Addr().String())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
