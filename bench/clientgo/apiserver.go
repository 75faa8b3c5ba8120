package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"

	coordination "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// leases is as much of an API server as leaderelection uses: it gets, creates and updates Lease objects, and refuses an update of another
// resourceVersion than the present one. It keeps them in memory, checks nobody's rights, runs no admission and writes no managedFields: a
// real one is slower, and its answers are longer.
type leases struct {
	mu   sync.Mutex
	last int // resourceVersion
	all  map[string]*coordination.Lease
}

func newLeases() *leases { return &leases{all: make(map[string]*coordination.Lease)} }

// serve prints its URL once it is ready, and ends when standard input does, that is with its parent at the latest.
func serve() {
	server := httptest.NewUnstartedServer(newLeases().handler())
	server.Config.Protocols = unencrypted()
	server.Start()
	fmt.Println(server.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.CloseClientConnections()
}

func (s *leases) handler() http.Handler {
	const base = "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+base, answer(http.StatusCreated, s.create))
	mux.HandleFunc("GET "+base+"/{name}", answer(http.StatusOK, s.get))
	mux.HandleFunc("PUT "+base+"/{name}", answer(http.StatusOK, s.update))
	return mux
}

// answer sends what f returns: an object, or an error's status.
func answer(ok int, f func(r *http.Request) (*coordination.Lease, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		lease, err := f(r)
		if err == nil {
			send(w, ok, lease)
			return
		}
		status := apierrors.NewInternalError(err).Status()
		if known := apierrors.APIStatus(nil); errors.As(err, &known) {
			status = known.Status()
		}
		send(w, int(status.Code), &status)
	}
}

// protobuf is what the client sends and asks for by default.
const protobuf = "application/vnd.kubernetes.protobuf"

var encoder = func() runtime.Encoder {
	info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), protobuf)
	return scheme.Codecs.EncoderForVersion(info.Serializer, coordination.SchemeGroupVersion)
}()

func send(w http.ResponseWriter, code int, obj runtime.Object) {
	w.Header().Set("Content-Type", protobuf)
	w.WriteHeader(code)
	_ = encoder.Encode(obj, w)
}

var resource = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (s *leases) get(r *http.Request) (*coordination.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findLocked(r.PathValue("namespace"), r.PathValue("name"))
}

// findLocked returns an object that nobody changes: an update puts another in its place.
func (s *leases) findLocked(namespace, name string) (*coordination.Lease, error) {
	if l := s.all[namespace+"/"+name]; l != nil {
		return l, nil
	}
	return nil, apierrors.NewNotFound(resource, name)
}

func (s *leases) create(r *http.Request) (*coordination.Lease, error) {
	l, err := read(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.findLocked(l.Namespace, l.Name); err == nil {
		return nil, apierrors.NewAlreadyExists(resource, l.Name)
	}
	l.UID, l.CreationTimestamp = types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", s.last)), meta.Now()
	s.putLocked(l)
	return l, nil
}

func (s *leases) update(r *http.Request) (*coordination.Lease, error) {
	l, err := read(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.findLocked(l.Namespace, l.Name)
	if err != nil {
		return nil, err
	}
	if l.ResourceVersion != now.ResourceVersion {
		return nil, apierrors.NewConflict(resource, l.Name, errors.New("the object has been modified"))
	}
	l.UID, l.CreationTimestamp = now.UID, now.CreationTimestamp
	s.putLocked(l)
	return l, nil
}

func (s *leases) putLocked(l *coordination.Lease) {
	s.last++
	l.ResourceVersion = strconv.Itoa(s.last)
	s.all[l.Namespace+"/"+l.Name] = l
}

// read decodes the object of a request, which must be the one of its path.
func read(r *http.Request) (*coordination.Lease, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	obj, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	l, ok := obj.(*coordination.Lease)
	if !ok {
		return nil, apierrors.NewBadRequest("not a Lease")
	}
	name, namespace := r.PathValue("name"), r.PathValue("namespace")
	l.Namespace = cmp.Or(l.Namespace, namespace)
	if l.Namespace != namespace || l.Name != cmp.Or(name, l.Name) || l.Name == "" {
		return nil, apierrors.NewBadRequest("another object than the path's")
	}
	return l, nil
}
