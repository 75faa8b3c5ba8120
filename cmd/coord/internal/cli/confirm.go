//go:build unix

package cli

import (
	"bufio"
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// confirmation is what a command that takes something away has to be told before it does.
type confirmation struct {
	app *app
	yes bool
}

func (c *confirmation) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask")
}

// check is called before anything else: where nobody can answer, the answer has to be given beforehand.
func (c *confirmation) check() error {
	if !c.yes && !c.app.Terminal {
		return usageError("nobody to ask here: add --yes")
	}
	return nil
}

// ask returns nil if it may be done.
func (c *confirmation) ask(question string) error {
	if c.yes {
		return nil
	}
	c.app.say("%s [y/N] ", question)
	answer, _ := bufio.NewReader(c.app.In).ReadString('\n')
	if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
		return nil
	}
	return exit(exitNo, errors.New("left alone"))
}

// tokenFlag is the token that must still hold, or zero for whoever does.
type tokenFlag int64

func (t *tokenFlag) addFlags(cmd *cobra.Command, usage string) {
	cmd.Flags().Int64Var((*int64)(t), "token", 0, usage)
}

func (t *tokenFlag) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("token") && *t <= 0 {
		return usageError("--token %d is no token", *t)
	}
	return nil
}
