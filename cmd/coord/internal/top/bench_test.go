//go:build unix

package top

import (
	"fmt"
	"testing"
	"time"

	"github.com/coordkit/coord/kv"
)

// BenchmarkBusy is one change and one drawing, with 5000 locks on the store.
func BenchmarkBusy(b *testing.B) {
	v := newView()
	v.columns, v.rows = 120, 40
	now := time.Now()
	record := func(i, version int) kv.Record {
		return kv.Record{
			Key: kv.Key(fmt.Sprintf("coord/lock/lock-%d/w/1", i)), Version: kv.Version(version), Lease: 1,
			Value: kv.Value(`{"format":1,"owner":"web-1/312","host":"web-1","pid":312,"program":"make","note":"nightly build"}`),
		}
	}
	ev := kv.RangeEvent{Reset: true}
	for i := range 5000 {
		ev.Puts = append(ev.Puts, record(i, i+1))
	}
	v.board.apply(ev, now)
	for n := 0; b.Loop(); n++ {
		now = now.Add(drawEvery)
		v.board.apply(kv.RangeEvent{Puts: kv.Records{record(n%5000, 10000+n)}}, now)
		v.draw(now)
	}
}
