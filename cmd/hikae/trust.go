package main

import (
	"github.com/spf13/cobra"
)

func (a *app) trustCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "trust HOST",
		Short: "Let a host hold the keys that its read-only sessions go by",
		Long: `Trust writes three files on HOST, over a session that may change it:

  /etc/hikae/home.key    the project's home key, by which secrets are compared
  /etc/hikae/recipients  whom the host seals its secrets to
  /etc/hikae/paths       the trees beyond /etc that may be read

From then on a key that is bound to a read-only agent can read the host, and
choose none of these. Run it again when the project's trees change.
See docs/security.md for the line in authorized_keys.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctl, t, err := a.target(wish{host: args[0]})
			if err != nil {
				return err
			}
			return ctl.Trust(cmd.Context(), t)
		},
	}
}
