package otelcoord

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// prometheus are the names under which Prometheus has a metric.
func prometheus(name string, r row) []string {
	name = strings.ReplaceAll(name, ".", "_")
	if r.unit == "s" {
		name += "_seconds"
	}
	switch r.kind {
	case "counter":
		return []string{name + "_total"}
	case "histogram":
		return []string{name + "_bucket", name + "_count", name + "_sum"}
	}
	return []string{name}
}

var (
	metricName = regexp.MustCompile(`\bcoord_[a-z_]+`)
	labelList  = regexp.MustCompile(`by \(([^)]*)\)`)
	selector   = regexp.MustCompile(`\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
)

// parts are the metrics and the labels that a query asks for.
func parts(query string) (metrics, labels []string) {
	for _, by := range labelList.FindAllStringSubmatch(query, -1) {
		labels = append(labels, strings.Split(by[1], ", ")...)
	}
	for _, s := range selector.FindAllStringSubmatch(query, -1) {
		for _, m := range matcher.FindAllStringSubmatch(s[1], -1) {
			labels = append(labels, m[1])
		}
	}
	query = labelList.ReplaceAllString(selector.ReplaceAllString(query, ""), "")
	return metricName.FindAllString(query, -1), labels
}

// queries are those of the dashboard and of the page's alerts.
func queries(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/dashboard.json")
	require.NoError(t, err)
	var board struct {
		Templating struct{ List []struct{ Query string } }
		Panels     []struct{ Targets []struct{ Expr string } }
	}
	require.NoError(t, json.Unmarshal(text, &board))
	var all []string
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	text, err = os.ReadFile(page)
	require.NoError(t, err)
	_, alerts, found := strings.Cut(string(text), "| alert | query |")
	require.True(t, found)
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(alerts, -1) {
		if strings.Contains(m[1], "coord_") {
			all = append(all, m[1])
		}
	}
	require.Greater(t, len(all), 20)
	return all
}

func TestQueriesAskForListedMetricsAndTheirAttributes(t *testing.T) {
	known := map[string][]string{} // labels by Prometheus's name
	for name, r := range listed(t) {
		for _, p := range prometheus(name, r) {
			known[p] = append(strings.Split(strings.ReplaceAll(r.attributes, ".", "_"), ", "), "le", "job")
		}
	}
	for _, query := range queries(t) {
		metrics, labels := parts(query)
		require.NotEmpty(t, metrics, query)
		for _, m := range metrics {
			require.Contains(t, known, m, query)
			require.Subset(t, known[m], labels, query)
		}
	}
}

func TestDashboardShowsEveryListedMetric(t *testing.T) {
	asked := strings.Join(queries(t), "\n")
	for name, r := range listed(t) {
		require.True(t, slices.ContainsFunc(prometheus(name, r), func(p string) bool { return strings.Contains(asked, p) }), name)
	}
}
