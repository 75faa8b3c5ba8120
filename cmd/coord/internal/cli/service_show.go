//go:build unix

package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

func newServiceLsCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the services that have, or ever had, an instance",
		Long:  "List the services that have, or ever had, an instance, sorted by name, and how many of their instances take work.",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			src := source[*serviceView]{read: readServices, table: servicesTable, none: "no services"}
			src.start, src.end = kv.PrefixRange(allServices)
			return show(cmd.Context(), o, src)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// readServices needs no close of its registry: that was asked for nothing that goes on.
func readServices(ctx context.Context, st kv.Storage) ([]*serviceView, error) {
	services, err := registry.New(st, nil).Services(ctx)
	views := make([]*serviceView, 0, len(services))
	for _, s := range services {
		views = append(views, newServiceView(s))
	}
	return views, err
}

func servicesTable(services []*serviceView) table {
	t := table{header: []string{"NAME", "SERVING", "INSTANCES", "UNREADABLE", "ADDRESSES", "VERSIONS", "ZONES"}, wide: 5}
	for _, v := range services {
		var addresses, versions, zones []string
		for _, i := range v.Instances {
			for _, e := range i.Endpoints {
				addresses = append(addresses, e.Address)
			}
			versions, zones = append(versions, i.Version), append(zones, i.Zone)
		}
		t.rows = append(t.rows, []string{
			v.Name, strconv.Itoa(v.Serving), strconv.Itoa(len(v.Instances)), strconv.Itoa(len(v.Unreadable)),
			each(addresses), each(versions), each(zones),
		})
	}
	return t
}

// each is a list of words in a table, each of them once.
func each(words []string) string {
	slices.Sort(words)
	words = slices.DeleteFunc(slices.Compact(words), func(w string) bool { return w == "" })
	return orDash(strings.Join(words, ","))
}

func newServiceDescribeCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "Show the instances of a service",
		Long:  "Show the instances of a service, sorted by ID, as they are in the store. Exit code 1: it has none.",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if err := registry.ValidateService(args[0]); err != nil {
				return exit(exitUsage, err)
			}
			return show(cmd.Context(), o, serviceSource(args[0]))
		},
	}
	o.addFlags(cmd)
	return cmd
}

func serviceSource(name string) source[*serviceView] {
	src := source[*serviceView]{single: true, table: serviceTable}
	src.start, src.end = kv.PrefixRange(allServices)
	src.read = func(ctx context.Context, st kv.Storage) ([]*serviceView, error) {
		s, err := registry.New(st, nil).Inspect(ctx, name)
		if err != nil {
			return nil, err
		}
		return []*serviceView{newServiceView(s)}, nil
	}
	src.absent = func(v []*serviceView) error {
		if len(v[0].Instances) == 0 {
			return exit(exitNo, fmt.Errorf("service %q has no instance", name))
		}
		return nil
	}
	return src
}

// serviceTable has a row for each instance, and for each record that cannot be read.
func serviceTable(services []*serviceView) table {
	t := table{wide: 8, header: []string{
		"ID", "STATUS", "ENDPOINTS", "VERSION", "ZONE", "WEIGHT", "AGE", "TTL", "TAGS", "METADATA", "OWNER", "PROGRAM", "LEASE", "KEY",
	}}
	for _, v := range services {
		for _, i := range v.Instances {
			t.rows = append(t.rows, []string{
				i.ID, i.is(), i.addresses(), orDash(i.Version), orDash(i.Zone), strconv.Itoa(i.Weight), age(i.Since), ttl(i.TTLSeconds),
				orDash(strings.Join(i.Tags, ",")), pairs(i.Metadata), orDash(i.Owner), orDash(i.Program), i.Lease.String(), i.Key,
			})
		}
		for _, u := range v.Unreadable {
			row := slices.Repeat([]string{"-"}, len(t.header))
			row[0], row[1], row[len(row)-1] = lastPart(u.Key), "(unreadable)", u.Key
			t.rows = append(t.rows, row)
		}
	}
	return t
}

// lastPart is what follows the last slash of a key: of an instance's, its ID, escaped.
func lastPart(key string) string { return key[strings.LastIndex(key, "/")+1:] }
