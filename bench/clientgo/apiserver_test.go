package main

import (
	"net/http/httptest"
	"testing"

	coordination "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Of two updates of one version, one must fail, or two would lead.
func TestServerRefusesWhatARealOneRefuses(t *testing.T) {
	server := httptest.NewUnstartedServer(newLeases().handler())
	server.Config.Protocols = unencrypted()
	server.Start()
	defer server.Close()
	leases := kubernetes.NewForConfigOrDie(&rest.Config{Host: server.URL, Transport: new(wire).transport()}).CoordinationV1().Leases("default")
	ctx := t.Context()
	a := &coordination.Lease{ObjectMeta: meta.ObjectMeta{Name: "a"}}

	if _, err := leases.Get(ctx, "a", meta.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("Get of what is not there: %v", err)
	}
	if _, err := leases.Update(ctx, a, meta.UpdateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("Update of what is not there: %v", err)
	}
	first, err := leases.Create(ctx, a, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leases.Create(ctx, a, meta.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("Create of what is there: %v", err)
	}
	holder := "me"
	first.Spec.HolderIdentity = &holder
	second, err := leases.Update(ctx, first, meta.UpdateOptions{})
	if err != nil || second.ResourceVersion == first.ResourceVersion {
		t.Fatalf("Update of the present version: %v, then version %s after %s", err, second.ResourceVersion, first.ResourceVersion)
	}
	if _, err := leases.Update(ctx, first, meta.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("Update of an old version: %v", err)
	}
	now, err := leases.Get(ctx, "a", meta.GetOptions{})
	if err != nil || now.ResourceVersion != second.ResourceVersion || *now.Spec.HolderIdentity != holder {
		t.Errorf("Get: %v, %v", now, err)
	}
}
