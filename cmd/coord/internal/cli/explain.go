//go:build unix

package cli

import (
	"errors"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
)

// explain is an error on one line, with what to do about it where that is known.
func explain(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	var e rpctypes.EtcdError
	switch {
	case errors.Is(err, rpctypes.ErrAuthFailed):
		return text + " (check --user and --password, COORD_USER and COORD_PASSWORD, or the context; coord context show tells which is used)"
	case errors.Is(err, rpctypes.ErrUserEmpty):
		return text + ": the store asks who you are (set --user and --password, COORD_USER and COORD_PASSWORD, or both in a context)"
	case errors.Is(err, rpctypes.ErrNoSpace):
		return text + " (the store has used up its quota: compact and defragment it, or raise the quota, and then etcdctl alarm disarm)"
	case errors.As(err, &e) && e.Code() == codes.PermissionDenied:
		return text + " (the user has no role that grants these keys; coord keeps what is its own under coord/)"
	}
	return text
}
