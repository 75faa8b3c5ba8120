// Package contexts is the file in which a user keeps named settings of the command coord: which stores there are, and how to sign in to
// them. It is YAML:
//
//	current: prod
//	contexts:
//	  prod:
//	    endpoints: [https://a.example:2379, https://b.example:2379]
//	    cacert: ca.pem
//	    user: ann
//	    password-file: /run/secrets/etcd
//
// A context has endpoints, and may have cacert, cert, key, server-name, insecure-skip-tls-verify, user, dial-timeout, and one of
// password-file, password-env and password: a file that holds the password, a variable that does, or the password itself. Names of files
// that are relative are so to the directory of the file; "~/" is the user's home. What is not known, is there twice or cannot be used is
// refused with its line, so that a slip of the pen is no setting left out.
//
// Changes keep the rest of the file, comments too, and are made one at a time among all processes.
package contexts
