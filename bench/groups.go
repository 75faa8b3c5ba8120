package main

import "slices"

// group is rows that are measured together, and shown as one table.
type group struct {
	name string
	rows []row
	etcd bool // they need an etcd: once for each directory that was given, unless once
	once bool
	// rounds are how many each row has, at most two, whatever time is left; zero: as the pace says.
	rounds int
	note   string // what a reader of the table has to know
}

// groups are all that a run measures, in this order.
var groups = []group{
	{name: "memory", rows: slices.Concat(memoryRows, parallelRows)},
	{name: "leases in memory", rows: leaseRows},
	{name: "views in memory", rows: viewRows},
	{name: "etcd", rows: storeRows, etcd: true},
	{name: "locks", rows: lockRows, etcd: true},
	{name: "elections", rows: electionRows, etcd: true},
	{name: "redis", rows: redisRows, etcd: true},
	{name: "programs", rows: programRows, etcd: true},
	{name: "faults", rows: faultRows, etcd: true, once: true},
	{name: "registry", rows: registryRows, etcd: true, once: true},
	{name: "client-go", rows: kubeRows, etcd: true, once: true, rounds: 2, note: kubeNote},
}

// roles are what this program does in processes of its own, by their first argument.
var roles = map[string]func(args []string) error{
	serveCommand: func(args []string) error { return serve(args[0]) },
	workCommand:  work,
	standCommand: stand,
}

// wheres are the directories in which a group's etcd keeps its data: one that is empty if it needs none.
func (g group) wheres(dirs []string) []string {
	switch {
	case !g.etcd:
		return []string{""}
	case g.once:
		return dirs[:1]
	}
	return dirs
}
