//go:build unix

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
)

func newElectionCmd(a *app) *cobra.Command {
	return group("election", "Show who leads and who stands, and take a leadership away",
		newElectionLsCmd(a), newElectionDescribeCmd(a), newElectionResignCmd(a))
}

// allElections is the prefix of all that elections are made of.
const allElections = "coord/election/"

// electionView is an election. It is vacant if it has no leader.
type electionView struct {
	Name       string          `json:"name"`
	Term       int64           `json:"term"` // the number of the present term, or of the last one
	Leader     *leaderView     `json:"leader"`
	Candidates []candidateView `json:"candidates"`
	Error      string          `json:"error,omitempty"` // why the term cannot be read; then the leader is unknown
}

// leaderView is who leads.
type leaderView struct {
	ID    string `json:"id"`
	Key   string `json:"key"`
	Token int64  `json:"token"`
	leaseView
	ownerView
	Note string `json:"note"`
	valueView

	value []byte
}

// candidateView is one that stands and does not lead.
type candidateView struct {
	ID       string `json:"id"`
	Key      string `json:"key"`
	Token    int64  `json:"token"`
	Priority int    `json:"priority"`
	leaseView
	ownerView
	Note  string `json:"note"`
	Error string `json:"error,omitempty"` // why the entry cannot be read
}

// newElectionView needs the entries by their keys: of the leader's, package election does not tell the lease.
func newElectionView(info election.Info, leases map[kv.Key]kv.LeaseId) *electionView {
	v := &electionView{Name: info.Name, Term: info.Leader.Number, Candidates: []candidateView{}}
	if info.Err != nil {
		v.Error = info.Err.Error()
	}
	if l := info.Leader; !l.Vacant {
		v.Leader = &leaderView{
			ID: l.ID, Key: string(l.Key), Token: int64(l.Token), leaseView: leaseView{Lease: leaseID(leases[l.Key])},
			ownerView: newOwnerView(l.Owner, l.Since), Note: l.Note, valueView: newValueView(l.Value), value: l.Value,
		}
	}
	for _, c := range info.Candidates {
		view := candidateView{
			ID: c.ID, Key: string(c.Key), Token: int64(c.Token), Priority: c.Priority, leaseView: leaseView{Lease: leaseID(c.Lease)},
			ownerView: newOwnerView(c.Owner, c.Since), Note: c.Note,
		}
		if c.Err != nil {
			view.Error = c.Err.Error()
		}
		v.Candidates = append(v.Candidates, view)
	}
	return v
}

func (v *electionView) id() string { return v.Name }

func (v *electionView) askTTLs(f func(leaseID) *float64) {
	if v.Leader != nil {
		v.Leader.leaseView.askTTLs(f)
	}
	for i := range v.Candidates {
		v.Candidates[i].leaseView.askTTLs(f)
	}
}

// leads is the leader in a table.
func (v *electionView) leads() string {
	switch {
	case v.Error != "":
		return "(unreadable)"
	case v.Leader == nil:
		return "-"
	}
	return v.Leader.ID
}

// leasesUnder are the leases of all records under a prefix.
func leasesUnder(ctx context.Context, st kv.Storage, prefix kv.Key) (map[kv.Key]kv.LeaseId, error) {
	start, end := kv.PrefixRange(prefix)
	records, err := st.GetRange(ctx, start, end)
	leases := make(map[kv.Key]kv.LeaseId, len(records))
	for _, r := range records {
		leases[r.Key] = r.Lease
	}
	return leases, err
}

func nobodyLeads(name string) error {
	return exit(exitNo, fmt.Errorf("nobody leads election %q", name))
}
