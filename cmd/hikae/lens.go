package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"hikae/modules/all"
)

func (a *app) lensCmd() *cobra.Command {
	var printed, stats bool
	c := &cobra.Command{
		Use:   "lens GRAMMAR FILE...",
		Short: "Show what hikae understands of a daemon's configuration files",
		Long: `Lens reads files as a daemon would and prints what they amount to, as HCL. It
needs no project and no host. Each file is read by itself: what it includes is
not there. FILE may be "-", for what comes on stdin.

A file that the daemon would refuse is told with its line and column, and the
exit code is 1; the files after it are read all the same.

Grammars: ` + strings.Join(grammarNames(all.Lenses()), ", ") + ".",
		Example: `  hikae lens httpd /etc/httpd/conf.d/www.conf
  hikae lens named --stats /etc/named.conf     # what is kept without being understood
  hikae lens my-cnf --print - < my.cnf         # the file again, from its tree`,
		Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return grammarNames(all.Lenses()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := newLooker(a, all.Lenses(), args[0])
			switch {
			case err != nil:
				return err
			case len(args) == 1:
				return errors.New(`name a file, or "-" for stdin: hikae lens ` + args[0] + " FILE...")
			case printed && a.json:
				return errors.New("--print prints the file itself: leave out --json")
			}
			l.do = l.resources
			switch {
			case printed:
				l.do = l.print
			case stats:
				l.do = l.stats
			}
			return l.files(cmd.InOrStdin(), args[1:])
		},
	}
	c.Flags().BoolVar(&printed, "print", false, "print the files again, from their trees")
	c.Flags().BoolVar(&stats, "stats", false, "count the statements, and those kept without being understood")
	c.MarkFlagsMutuallyExclusive("print", "stats")
	return c
}
