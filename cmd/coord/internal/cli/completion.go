//go:build unix

package cli

import (
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

func newCompletionCmd(a *app) *cobra.Command {
	scripts := map[string]func(root *cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(a.Out, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(a.Out) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(a.Out, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(a.Out) },
	}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script with which the shell completes commands, flags and names",
		Long: `Print a script with which the shell completes commands and flags, and the names of what is on the store: locks, elections, semaphores,
services, keys, leases; and of contexts. It asks the store that a command in this place would use, for a second at most, and is silent if
there is no answer. It never starts the local store. Names that the shell would take for something else, with blanks or quotes say, are not offered.

  bash         source <(coord completion bash)      in ~/.bashrc, with the package bash-completion
  zsh          source <(coord completion zsh)       in ~/.zshrc, after compinit
  fish         coord completion fish | source       in ~/.config/fish/config.fish
  powershell   coord completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("for which shell? bash, zsh, fish or powershell")
			}
			if scripts[args[0]] == nil {
				return usageError("no completion for %q, only for bash, zsh, fish and powershell", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return scripts[args[0]](cmd.Root()) },
	}
}

// completing says whether the arguments are a shell's question for what could come next.
func completing(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// addCompletions gives commands and flags the functions that complete them. It is called when a shell asks, and for no other command.
func (a *app) addCompletions(root *cobra.Command) {
	a.quiet = true
	groups := map[string]lister{
		"lock": locks, "election": elections, "semaphore": semaphores, "service": services, "lease": leases, "kv": keys,
	}
	var add func(cmd *cobra.Command)
	add = func(cmd *cobra.Command) {
		a.completeFlags(cmd)
		switch names := groups[cmd.Parent().Name()]; {
		case cmd.ValidArgsFunction != nil, len(cmd.ValidArgs) > 0: // it has its own
		case cmd.HasSubCommands() && cmd.Name() != "elect":
		case cmd.Name() == "run":
			cmd.ValidArgsFunction = a.completeRun
		case cmd.Name() == "elect":
			cmd.ValidArgsFunction = a.first(elections, cobra.ShellCompDirectiveDefault)
		case cmd.Name() == "observe":
			cmd.ValidArgsFunction = a.first(elections, cobra.ShellCompDirectiveNoFileComp)
		case cmd.Parent().Name() == "context" && takesName(cmd):
			cmd.ValidArgsFunction = a.completeContext
		case names != nil && takesName(cmd):
			cmd.ValidArgsFunction = a.first(names, cobra.ShellCompDirectiveNoFileComp)
		case !takesName(cmd):
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
		for _, sub := range cmd.Commands() {
			add(sub)
		}
	}
	for _, cmd := range root.Commands() {
		add(cmd)
	}
	_ = root.RegisterFlagCompletionFunc("context", func(_ *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
		return a.contextNames(start, true), cobra.ShellCompDirectiveNoFileComp
	})
}

// arguments are the words of a command's usage that stand for arguments: NAME, KEY.
func arguments(cmd *cobra.Command) []string {
	words := strings.FieldsFunc(cmd.Use, func(r rune) bool { return !unicode.IsLetter(r) })
	return slices.DeleteFunc(words, func(w string) bool { return len(w) < 2 || strings.ToUpper(w) != w })
}

func takesName(cmd *cobra.Command) bool { return len(arguments(cmd)) > 0 }

// completeFlags completes formats, which the flag's usage lists.
func (a *app) completeFlags(cmd *cobra.Command) {
	f := cmd.Flags().Lookup("output")
	if f == nil || f.Shorthand != "o" {
		return
	}
	words := strings.FieldsFunc(f.Usage, func(r rune) bool { return r == ' ' || r == ',' })
	words = slices.DeleteFunc(words, func(w string) bool { return w == "or" })
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// completeRun completes locks, or with --slots what these are kept under; then comes a program.
func (a *app) completeRun(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	names := locks
	if cmd.Flags().Changed("slots") {
		names = semaphores
	}
	return a.first(names, cobra.ShellCompDirectiveDefault)(cmd, args, start)
}

func (a *app) completeContext(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.contextNames(start, cmd.Name() == "use"), cobra.ShellCompDirectiveNoFileComp
}

// first completes the first argument with names from the store, and the others as then says.
func (a *app) first(names lister, then cobra.ShellCompDirective) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, then
		}
		found := a.names(cmd.Context(), names, start)
		if len(found) > 0 && strings.HasSuffix(found[0], "/") && len(found) == 1 {
			return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
