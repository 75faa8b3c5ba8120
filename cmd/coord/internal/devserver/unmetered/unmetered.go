// Package unmetered keeps what is linked after it from registering metrics with Prometheus: package devserver imports it for etcd's.
//
// The packages of etcd's server register some hundred metrics when a program begins, whether it starts a server or not, and Prometheus
// starts a goroutine for each. That took longer than all else that the server brings to the start of every command, and nobody
// could ever read them: devserver serves no metrics.
//
// It has to be initialised between Prometheus and etcd's server. Go initialises the first package, in the order of import paths, whose
// imports are initialised. So this one must import nothing that needs the server, and its path must sort before the server's; what it
// cannot prevent is what Prometheus itself registers.
package unmetered

import "github.com/prometheus/client_golang/prometheus"

// The registry that is replaced is a variable of a package that the command has for etcd's sake alone.
func init() { prometheus.DefaultRegisterer = discard{} }

// discard takes every collector, and keeps none.
type discard struct{}

func (discard) Register(prometheus.Collector) error { return nil }

func (discard) MustRegister(...prometheus.Collector) {}

func (discard) Unregister(prometheus.Collector) bool { return true }
