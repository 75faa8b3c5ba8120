package etcd_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
)

// These have no output, for they need a store: they are compiled.

func ExampleOpen() {
	st, err := etcd.Open([]string{"https://a.example:2379", "https://b.example:2379"}, &etcd.Options{
		Username: "ann", Password: os.Getenv("STORE_PASSWORD"),
		Logger: slog.Default(),
	})
	if err != nil {
		log.Fatal(err) // a setting that cannot be used, or a sign-in that failed
	}
	defer st.Close()

	// Open has not waited for the store. The first call tells whether it is there.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := st.GetRange(ctx, "coord/", "coord0"); err != nil {
		log.Fatal(err)
	}
}

// The environment that etcdctl reads configures a program, too: ETCDCTL_ENDPOINTS, ETCDCTL_CACERT and so on, or COORD_ENDPOINTS and
// so on, which win.
func ExampleOpenEnv() {
	st, err := etcd.OpenEnv(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
}

// A program that has a client already shares it. The storage is closed before the client.
func ExampleNew() {
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{"localhost:2379"}, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	st := etcd.New(client, nil)
	defer st.Close()
}

// What a user configures in another way than by the environment is laid over a program's own options.
func ExampleSettings_Open() {
	settings := etcd.Settings{Endpoints: []string{"https://a.example:2379"}, CACert: "ca.pem", Cert: "me.pem", Key: "me-key.pem"}
	st, err := settings.Open(&etcd.Options{DialTimeout: 2 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
}

// Several programs share a store, each in a namespace.
func ExampleStorage() {
	st, err := etcd.Open([]string{"localhost:2379"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
	billing := kv.WithPrefix(st, "billing/") // give this one to session.New

	status, err := st.Client().Status(context.Background(), "localhost:2379") // what the contract does not have
	fmt.Println(billing.Lessor() != nil, status.Version, err)
}
