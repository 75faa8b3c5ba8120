//go:build !nolocal

package devserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.uber.org/zap"
)

// checkLog refuses a write-ahead log that is gone or unreadable from a file's very beginning, before etcd can make things
// worse. Without a log it takes the database for a new member's, answers writes as if all were well, and does not apply
// them before their count passes the one in the database; a log of junk it "repairs" by emptying it.
func checkLog(dir string, log *zap.Logger) error {
	files, err := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return checkUnused(filepath.Join(dir, "member", "snap", "db"), log)
	}
	for _, file := range files {
		if err := checkFirstRecord(file); err != nil {
			return fmt.Errorf("the write-ahead log %s is spoilt: %w", file, err)
		}
	}
	return nil
}

// checkFirstRecord reads the one record that begins every file of the log: files get their name with it in place.
func checkFirstRecord(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var rec walpb.Record
	if err := wal.NewDecoder(fileutil.NewFileReader(f)).Decode(&rec); err != nil {
		return fmt.Errorf("cannot read its beginning: %w", err)
	}
	if t := rec.GetType(); t != wal.CrcType {
		return fmt.Errorf("it begins with a record of type %d", t)
	}
	return nil
}

// checkUnused lets a database pass to which nothing has been applied: a first start that was killed leaves one.
func checkUnused(db string, log *zap.Logger) error {
	if _, err := os.Stat(db); errors.Is(err, os.ErrNotExist) {
		return nil
	}
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
	// What etcd says about a storage version it has no migration for: it names that one only.
	unsupported := regexp.MustCompile(`version "([^"]+)" is not supported`)
	if m := unsupported.FindStringSubmatch(err.Error()); m != nil {
		return &NewerDataError{Data: m[1], Server: Version}
	}
	// And about another major version: it names none, but has logged it.
	if logged != "" && strings.Contains(err.Error(), "changing major storage version is not supported") {
		return &NewerDataError{Data: logged, Server: Version}
	}
	return err
}
