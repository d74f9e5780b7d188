package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Each script below testdata/script reads like a person's session.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"host": hostCmd},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("HIKAE_TEST_HOSTS", e.WorkDir+"/hosts")
			return nil
		},
	})
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"hikae": func() {
			a := &app{out: os.Stdout, err: os.Stderr}
			if dir := os.Getenv("HIKAE_TEST_HOSTS"); dir != "" {
				if _, err := os.Stat(dir); err == nil {
					a.connect = dirHosts(dir)
				}
			}
			os.Exit(a.run(context.Background(), os.Args[1:]))
		},
	})
}
