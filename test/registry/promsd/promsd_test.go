package promsd

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/promsd"
	"github.com/coordkit/coord/test/internal/registrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type scene struct {
	store *memory.Storage // to change things
	cut   *memory.Storage // the registry's way to it
	calls *count.Storage  // the same, counted
	r     *registry.Registry
}

func onScene(t *testing.T, f func(t *testing.T, s *scene)) {
	bubble.Test(t, func(t *testing.T) {
		s := &scene{store: memory.New(nil)}
		s.cut = s.store.Connect()
		s.calls = count.New(s.cut)
		s.r = registry.New(s.calls, &registry.Options{Linger: -1})
		defer func() {
			require.NoError(t, s.r.Close(context.Background()))
			require.NoError(t, s.cut.Close())
			require.NoError(t, s.store.Close())
		}()
		f(t, s)
	})
}

func put(t *testing.T, s *scene, id string, change func(i *registry.Instance)) {
	t.Helper()
	i := registry.Instance{
		Service: "orders", ID: id, Endpoints: []registry.Endpoint{{Name: "metrics", Scheme: "http", Address: id + ":9"}},
	}
	if change != nil {
		change(&i)
	}
	registrytest.Put(t, s.store, i)
}

func ask(h http.Handler, method string) *httptest.ResponseRecorder {
	synctest.Wait()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, "/", nil))
	return rec
}

// targets are the first targets of all groups.
func targets(t *testing.T, rec *httptest.ResponseRecorder) []string {
	t.Helper()
	require.Equal(t, http.StatusOK, rec.Code, rec.Body)
	require.Equal(t, "application/json; charset=utf-8", rec.Header().Get("Content-Type"))
	var groups []struct{ Targets []string }
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &groups))
	out := []string{}
	for _, g := range groups {
		out = append(out, g.Targets[0])
	}
	return out
}

func TestGroupSaysAllOfAnInstance(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		put(t, s, "a", func(i *registry.Instance) {
			i.Endpoints = append(i.Endpoints,
				registry.Endpoint{Name: "x", Address: "x:1"}, registry.Endpoint{Name: "metrics", Address: "[::1]:9"})
			i.Status, i.Version, i.Zone, i.Weight, i.Tags = registry.Draining, "1.2", "z1", 7, []string{"eu", "big"}
			i.Metadata = map[string]string{"team": "blue", "a.b/ü": "1", "a_b___": "2"}
		})
		h := promsd.New(s.r, []string{"orders"}, &promsd.Options{Endpoint: "metrics"})
		defer h.Close()
		require.JSONEq(t, `[{"targets":["a:9","[::1]:9"],"labels":{
			"__meta_coord_service":"orders","__meta_coord_id":"a","__meta_coord_status":"draining","__meta_coord_version":"1.2",
			"__meta_coord_zone":"z1","__meta_coord_weight":"7","__meta_coord_endpoint":"metrics","__meta_coord_scheme":"http",
			"__meta_coord_tags":",big,eu,","__meta_coord_metadata_team":"blue","__meta_coord_metadata_a_b___":"1"}}]`,
			ask(h, http.MethodGet).Body.String())
	})
}

func TestListIsWholeAndInOrder(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		for _, id := range []string{"c", "a", "b"} {
			put(t, s, id, nil)
		}
		put(t, s, "none", func(i *registry.Instance) { i.Endpoints = nil })
		put(t, s, "z", func(i *registry.Instance) { i.Service = "items"; i.Status = registry.Starting })
		h := promsd.New(s.r, []string{"orders", "items", "empty"}, nil)
		defer h.Close()
		require.Equal(t, []string{"a:9", "b:9", "c:9", "z:9"}, targets(t, ask(h, http.MethodGet)))
		serving := promsd.New(s.r, []string{"items", "orders"}, &promsd.Options{Filters: []registry.Filter{registry.ServingOnly}})
		defer serving.Close()
		require.Equal(t, []string{"a:9", "b:9", "c:9"}, targets(t, ask(serving, http.MethodGet)))
		put(t, s, "b", func(i *registry.Instance) { i.Status = registry.NotServing })
		time.Sleep(time.Second)
		require.Equal(t, []string{"a:9", "c:9"}, targets(t, ask(serving, http.MethodGet)))
		none := promsd.New(s.r, []string{"orders"}, &promsd.Options{Endpoint: "other"})
		defer none.Close()
		require.Empty(t, targets(t, ask(none, http.MethodGet)))
	})
}

func TestEmptyServiceIsAnEmptyListAndNotNull(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		h := promsd.New(s.r, []string{"orders"}, nil)
		defer h.Close()
		require.Equal(t, "[]", ask(h, http.MethodGet).Body.String())
		require.Empty(t, targets(t, ask(h, http.MethodGet)))
	})
}

func TestServiceThatIsNotKnownYetMakesItUnavailable(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		put(t, s, "a", nil)
		r := registry.New(intercept.Wrap(s.store, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if c.Key != registrytest.Key("orders", "") {
				return kv.ErrUnavailable
			}
			return do(ctx)
		}), nil)
		defer r.Close(t.Context())
		h := promsd.New(r, []string{"orders", "items"}, nil)
		defer h.Close()
		rec := ask(h, http.MethodGet)
		require.Equal(t, http.StatusServiceUnavailable, rec.Code)
		require.Contains(t, rec.Body.String(), `"items" are not known yet`)
		require.Contains(t, rec.Body.String(), kv.ErrUnavailable.Error())
		bad := promsd.New(s.r, []string{""}, nil)
		defer bad.Close()
		require.Equal(t, http.StatusServiceUnavailable, ask(bad, http.MethodGet).Code)
	})
}

func TestOutageServesWhatIsKnown(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		put(t, s, "a", nil)
		h := promsd.New(s.r, []string{"orders"}, nil)
		defer h.Close()
		require.Equal(t, []string{"a:9"}, targets(t, ask(h, http.MethodGet)))
		s.cut.SetConnected(false)
		time.Sleep(time.Hour)
		require.Equal(t, []string{"a:9"}, targets(t, ask(h, http.MethodGet)))
		s.cut.SetConnected(true)
	})
}

func TestAnswersCostTheStoreNothingAndCloseGivesTheViewsBack(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		put(t, s, "a", nil)
		h := promsd.New(s.r, []string{"orders"}, nil)
		for range 100 {
			targets(t, ask(h, http.MethodGet))
		}
		require.Equal(t, 1, s.calls.Reset())
		h.Close()
		h.Close()
		put(t, s, "b", nil)
		time.Sleep(time.Minute)
		require.Equal(t, []string{"a:9"}, targets(t, ask(h, http.MethodGet)), "as it was")
	})
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		h := promsd.New(s.r, []string{"orders"}, nil)
		defer h.Close()
		require.Equal(t, http.StatusOK, ask(h, http.MethodHead).Code)
		rec := ask(h, http.MethodPost)
		require.Equal(t, http.StatusMethodNotAllowed, rec.Code)
		require.Equal(t, "GET, HEAD", rec.Header().Get("Allow"))
	})
}
