// Package cluster runs a real etcd of several members inside a test, each a process of its own, which can be killed, paused and cut off: it
// is the test binary itself, started again. So may be clients that are to be paused or killed, see [Main].
//
// Between the members, and between each of them and its clients, is a [etcdtest.Proxy] per link. All is on loopback and ends with the test,
// or with the test's process. It works on Linux only.
package cluster
