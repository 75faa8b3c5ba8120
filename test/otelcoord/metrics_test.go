package otelcoord

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const page = "../../docs/observing.md"

// row is a metric as the page has it, or as it was collected.
type row struct{ kind, unit, attributes string }

// listed are the metrics of the page.
func listed(t *testing.T) map[string]row {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	rows := map[string]row{}
	table := regexp.MustCompile("(?m)^\\| `(coord\\.[a-z.]+)` \\| (histogram|counter|gauge) \\| `([^`]+)` \\|([^|]*)\\|")
	for _, m := range table.FindAllStringSubmatch(string(text), -1) {
		attributes := strings.Split(strings.ReplaceAll(strings.TrimSpace(m[4]), "`", ""), ", ")
		slices.Sort(attributes)
		rows[m[1]] = row{m[2], m[3], strings.Join(attributes, ", ")}
	}
	require.NotEmpty(t, rows)
	return rows
}

// collected are the metrics that the SDK has.
func collected(t *testing.T, all []metricdata.Metrics) map[string]row {
	t.Helper()
	rows := map[string]row{}
	for _, m := range all {
		require.NotEmpty(t, m.Description, m.Name)
		r := row{unit: m.Unit}
		keys := map[string]bool{}
		note := func(set attribute.Set) {
			for _, kv := range set.ToSlice() {
				keys[string(kv.Key)] = true
			}
		}
		switch data := m.Data.(type) {
		case metricdata.Histogram[float64]:
			r.kind = "histogram"
			for _, p := range data.DataPoints {
				note(p.Attributes)
			}
		case metricdata.Histogram[int64]:
			r.kind = "histogram"
			for _, p := range data.DataPoints {
				note(p.Attributes)
			}
		case metricdata.Sum[int64]:
			r.kind = "gauge"
			if data.IsMonotonic {
				r.kind = "counter"
			}
			for _, p := range data.DataPoints {
				note(p.Attributes)
			}
		default:
			require.Fail(t, "unknown kind", "%s: %T", m.Name, data)
		}
		r.attributes = strings.Join(slices.Sorted(maps.Keys(keys)), ", ")
		rows[m.Name] = r
	}
	return rows
}

func TestPageListsWhatIsMeasured(t *testing.T) {
	observed(t, func(_, name string) string { return name }, func(t *testing.T, p *process) {
		p.live(t)
		require.Equal(t, listed(t), collected(t, p.collect(t)))
	})
}

func TestMetricsHaveNoNamesUnlessAskedFor(t *testing.T) {
	observed(t, nil, func(t *testing.T, p *process) {
		p.live(t)
		for name, r := range collected(t, p.collect(t)) {
			require.NotContains(t, r.attributes, "coord.name", name)
		}
	})
}

func TestWhatHasEndedCountsNoMore(t *testing.T) {
	observed(t, func(_, name string) string { return name }, func(t *testing.T, p *process) {
		p.live(t)
		want := map[string]int64{
			"coord.lease.losses": 1, "coord.lease.late": 2, "coord.handovers": 1, "coord.hold.losses": 1, "coord.registry.losses": 1,
		}
		for _, m := range p.collect(t) {
			if data, ok := m.Data.(metricdata.Sum[int64]); ok {
				require.Equal(t, want[m.Name], sum(m), m.Name)
				for _, point := range data.DataPoints {
					require.GreaterOrEqual(t, point.Value, int64(0), m.Name)
				}
			}
		}
	})
}

func TestWaitsAreMeasuredByWhatCameOfThem(t *testing.T) {
	observed(t, nil, func(t *testing.T, p *process) {
		p.live(t)
		outcomes := map[string]uint64{}
		for _, m := range p.collect(t) {
			if m.Name != "coord.wait.duration" {
				continue
			}
			for _, point := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				primitive, _ := point.Attributes.Value("coord.primitive")
				outcome, _ := point.Attributes.Value("coord.outcome")
				outcomes[primitive.AsString()+" "+outcome.AsString()] += point.Count
				if primitive.AsString() == "mutex" && outcome.AsString() == "acquired" {
					require.InDelta(t, 60, point.Sum, 0.001)
				}
			}
		}
		require.Equal(t, map[string]uint64{
			"mutex refused": 1, "mutex acquired": 1, "semaphore acquired": 1, "election acquired": 1,
		}, outcomes)
	})
}
