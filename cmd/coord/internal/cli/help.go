//go:build unix

package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// newHelpCmd is cobra's, but for a topic that is not there, which is a usage error as an unknown command is.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Tell of a command or a topic",
		Long:  "Tell of a command, such as lock wait, or of a topic: exit-codes, environment, output or contexts.",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			of, _, err := cmd.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range of.Commands() {
				if !sub.Hidden && strings.HasPrefix(sub.Name(), start) {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError("no help on %q: it is neither a command nor a topic", strings.Join(args, " "))
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}

// topics are texts that coord help prints. Cobra takes a command that does nothing for one.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "The exit codes of all commands", Long: exitCodesHelp},
		{Use: "environment", Short: "Settings: flags, variables, contexts, and which of them counts", Long: environmentHelp},
		{Use: "output", Short: "What commands print, and in which formats", Long: outputHelp},
		{Use: "contexts", Short: "The file of contexts", Long: contextsHelp},
	}
}

const exitCodesHelp = `coord run and coord elect end with the exit code of the command they run, and with 128+n if signal n ended it. These codes are coord's own:

  0     done
  1     the answer is no: nobody holds it or leads, no such record, another token or version; not with run and elect
  64    usage: an unknown command or flag, an argument that cannot be
  69    the store cannot be reached, did not answer, or is full
  75    not acquired: somebody else holds it (run and elect: -E changes it)
  76    the lock or the leadership was lost, and the command was ended
  78    configuration: settings, contexts, certificates, credentials, roles
  125   coord itself failed
  126   the command to run is not executable
  127   the command to run was not found
  128+n signal n ended coord while it waited

To tell coord's own codes from those of the command that it ran, use --status-file.
A reader that has had enough (coord kv ls | head -1) is no error: 0.`

const environmentHelp = `Each setting comes from the first of these that has it:

  1  flags; and the context that the flag --context names
  2  COORD_ and the setting's name
  3  ETCDCTL_ and the setting's name, as etcdctl reads it
  4  the context that COORD_CONTEXT names, else the current one (coord context use)
  5  the default; without endpoints, the local store

  setting              flag                        variable, without its prefix  in a context
  endpoints            --endpoints                 ENDPOINTS                     endpoints
  CA certificates      --cacert                    CACERT                        cacert
  client certificate   --cert, --key               CERT, KEY                     cert, key
  name of the servers  --server-name               SERVER_NAME                   server-name
  any certificate      --insecure-skip-tls-verify  INSECURE_SKIP_TLS_VERIFY      insecure-skip-tls-verify
  user                 --user                      USER                          user
  password             --password                  PASSWORD                      password-file, password-env, password
  time to connect      --dial-timeout              DIAL_TIMEOUT                  dial-timeout

What goes with one store is not sent to another: where flags or variables name endpoints that are not the context's, the context is not
used; where --context is given, and the variables name other endpoints, they are not used, but for the time to connect. A password goes
with the user that comes from the same place, or from one further down. A user may be name:password, but not in a context. An empty
variable counts as none. An endpoint without a scheme has that of the others; without any, it speaks TLS if one of the TLS settings is set,
and http otherwise; http and https together are refused. coord context show tells which settings are in use, and where each comes from.

Other variables:

  COORD_CONTEXT     the context to use; none: no context
  COORD_CONFIG      the file of contexts
  COORD_LOCAL       off forbids the local store: without endpoints, commands end with 78
  COORD_DEBUG       true: as with --debug
  COORD_SERVER      the program of the local store, where coord was built without one
  XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR   where the contexts, the local store and its socket are
  SHELL             the shell of -c and --on-lost
  NO_COLOR          there are no colours, with or without it
  TERM              dumb: no line is redrawn

Flags are seen by others in the list of processes, and stay in the shell's history: give a password by COORD_PASSWORD or a context.`

const outputHelp = `Data goes to standard output, messages to standard error; -q leaves out all messages but errors, and --debug adds lines of key=value about
what is done, without secrets and without what is stored. Commands that list or describe take

  -o table       columns that line up, for people; may change from one version to the next
  -o wide        the same with more columns
  -o json        a list is an array, an empty one []; one object is an object
  -o jsonl       one object on each line
  -o yaml        the same fields, values and order as JSON
  -o name        names only, one on each line
  --no-headers   no line with the names of the columns
  --watch        show it again whenever it changes, until interrupted

The names of fields are stable: fields are added, and none is renamed or removed. docs/output.md lists them. Tables are cut to the width of
a terminal, and never elsewhere. There are no colours. What others have stored cannot act on the terminal: control characters are shown
escaped. With --watch, JSON lines are the objects that are new or have changed, and with "gone": true those that have gone.`

const contextsHelp = `A context is settings under a name: a store, and how to sign in to it. The contexts are in $COORD_CONFIG, else in coord/config.yaml in
$XDG_CONFIG_HOME, else in ~/.config. coord context set, use and rm change the file and keep the comments in it; it can as well be written
by hand:

  current: prod
  contexts:
    prod:
      endpoints: [https://a.example:2379, https://b.example:2379]
      cacert: ca.pem                    # relative to this file; ~/ is the home directory
      cert: client.pem
      key: client-key.pem
      server-name: etcd.example         # if certificates are not for the endpoints' hosts
      insecure-skip-tls-verify: false
      user: ann
      password-file: ~/.prod-password   # or password-env: NAME of a variable, or password: itself
      dial-timeout: 4s

Endpoints are all that a context needs. Which context is used, and what counts more than it, coord help environment tells; coord context
show shows it. Passwords are never printed, and coord warns if others can read one. A setting that is not known is refused with its line.`
