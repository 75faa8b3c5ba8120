//go:build unix

// Package local is the command's default store: a real etcd of this user on this host, durable, started on demand and
// ended when nobody has needed it for a while. Like flock it excludes processes of this host only.
//
// # Files
//
// One data directory is one store. It is <state home>/coord/<machine>, mode 0700, where the state home is
// $XDG_STATE_HOME, else ~/.local/state, and the machine is the machine's id, else its host name (homes are shared between
// hosts, sockets and locks are not). In it:
//
//	etcd/    the data
//	log      what the server logged, errors only; log.old is the one before
//	use      flock: shared by every client as long as it may need the server, exclusive while the server decides to leave
//	server   flock: exclusive, held by the server for life, so that there is never a second one on the data;
//	         its pid is in it
//	start    flock: exclusive, from the decision to start a server until that server is ready
//	socket   the path of the socket of the server that is ready; clients find it by this file alone
//
// The socket itself is <hash of the data directory>.sock in $XDG_RUNTIME_DIR/coord, or in the directory coord-<uid>
// of the system's temporary one where there is no usable runtime directory. Directories that others could enter are
// refused.
//
// # Connect or start
//
// Connecting means: read the file socket, dial. If nobody answers there, take start, dial once more, and start a server, a
// detached process of this same program (ServeMain), which inherits start and lets it go only when it is ready, so that
// its starter may die. This is the Store's dialer, hence it happens on every reconnect too: whoever holds a lock outlives
// a killed server.
//
// The server leaves when, under exclusive use, it finds that for the idle time nobody shared it, nothing was written and
// no lease lived; or at once when its socket or its data directory is no longer its own.
package local
