//go:build !nolocal

package devserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.uber.org/zap"
)

// checkLog refuses a database whose write-ahead log is gone. etcd would take such data for a new member's, answer writes
// as if all were well, and not apply them before their count passes the one in the database.
func checkLog(dir string, log *zap.Logger) error {
	db := filepath.Join(dir, "member", "snap", "db")
	if _, err := os.Stat(db); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	logs, err := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal"))
	if err != nil || len(logs) > 0 {
		return err
	}
	// A first start that was killed leaves a database to which nothing has been applied.
	be := backend.NewDefaultBackend(log, db)
	index, _ := schema.ReadConsistentIndex(be.ReadTx())
	if err := be.Close(); err != nil {
		return err
	}
	if index > 0 {
		return fmt.Errorf("the write-ahead log of the database %s is missing", db)
	}
	return nil
}

var (
	// unsupported matches what etcd says about a storage version it has no migration for; it names that one only.
	unsupported = regexp.MustCompile(`version "([^"]+)" is not supported`)
	// otherMajor matches what etcd says about another major version; it names none, but logs it.
	otherMajor = regexp.MustCompile(`changing major storage version is not supported`)
)

// Keys of the log entries in which etcd names the version that data needs.
const (
	clusterVersionKey = "determined-cluster-version"
	storageVersionKey = "storage-version"
)

// newer turns etcd's error about data of a newer version into one that names both versions; logged is the storage
// version that etcd logged, if any.
func newer(err error, logged string) error {
	if err == nil {
		return nil
	}
	if m := unsupported.FindStringSubmatch(err.Error()); m != nil {
		return &NewerDataError{Data: m[1], Server: Version}
	}
	if logged != "" && otherMajor.MatchString(err.Error()) {
		return &NewerDataError{Data: logged, Server: Version}
	}
	return err
}
