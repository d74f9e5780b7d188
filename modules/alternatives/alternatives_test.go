package alternatives

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/moduletest"
)

// java as chkconfig writes it: two families, each with the path of a version.
const (
	java = `/usr/bin/java
java_man
/usr/share/man/man1/java.1.gz

/usr/lib/jvm/java-11-openjdk-11.0.22/bin/java
@java-11-openjdk.x86_64@1100
/usr/share/man/man1/java-11.1.gz
/usr/lib/jvm/java-1.8.0-openjdk-1.8.0.402/jre/bin/java
@java-1.8.0-openjdk.x86_64@1800402

/usr/lib/jvm/java-1.8.0-openjdk-1.8.0.392/jre/bin/java
@java-1.8.0-openjdk.x86_64@1800392 jexec

`
	mta = "/usr/sbin/sendmail\nmta-mailq\n/usr/bin/mailq\n\n/usr/sbin/sendmail.postfix\n60\n/usr/bin/mailq.postfix\n/usr/sbin/sendmail.ssmtp\n30\n/usr/bin/mailq.ssmtp\n\n"
)

// newHost has a host with these choices: NAME to "MODE TARGET". Its alternatives
// is one that keeps to the files, as the real one does.
func newHost(tb testing.TB, chosen map[string]string) *hosttest.Host {
	tb.Helper()
	h := hosttest.New(tb)
	set := func(name, mode, target string) {
		text := mta
		if strings.HasPrefix(name, "java") {
			text = java
		}
		h.Write(dir+"/"+name, mode+"\n"+text)
		_ = os.Remove(h.Path(links + "/" + name))
		h.Symlink(target, links+"/"+name)
	}
	for name, c := range chosen {
		mode, target, _ := strings.Cut(c, " ")
		set(name, mode, target)
	}
	h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
		switch {
		case len(c.Argv) == 4 && c.Argv[1] == "--set":
			set(c.Argv[2], "manual", c.Argv[3])
		case len(c.Argv) == 3 && c.Argv[1] == "--auto":
			set(c.Argv[2], "auto", "/usr/sbin/sendmail.postfix")
		default:
			return hosts.Result{Code: 2, Stderr: []byte("usage")}, nil
		}
		return hosts.Result{}, nil
	})
	return h
}

func TestConformance(t *testing.T) {
	moduletest.Run(t, moduletest.Case{
		Module: Module{},
		Source: func(tb testing.TB) *hosttest.Host {
			return newHost(tb, map[string]string{
				"mta": "manual /usr/sbin/sendmail.ssmtp", "java": "manual /usr/lib/jvm/java-1.8.0-openjdk-1.8.0.402/jre/bin/java",
				"mta2": "auto /usr/sbin/sendmail.postfix",
			})
		},
		Target: func(tb testing.TB) *hosttest.Host {
			return newHost(tb, map[string]string{
				"mta": "auto /usr/sbin/sendmail.postfix", "java": "manual /usr/lib/jvm/java-11-openjdk-11.0.22/bin/java",
				"mta2": "manual /usr/sbin/sendmail.ssmtp", "mta3": "manual /usr/sbin/sendmail.ssmtp",
			})
		},
		Base: []engine.Addr{{Kind: Kind, Name: "mta2"}},
	})
}

func TestRead(t *testing.T) {
	h := newHost(t, map[string]string{
		"java": "manual /usr/lib/jvm/java-1.8.0-openjdk-1.8.0.402/jre/bin/java", "java_old": "manual /usr/lib/jvm/java-1.8.0-openjdk-1.8.0.392/jre/bin/java",
		"mta": "manual /usr/sbin/sendmail.ssmtp", "auto": "auto /usr/sbin/sendmail.ssmtp",
	})
	h.Write(dir+"/torn", "manual\n/usr/bin/x\na\n")
	got := map[string]string{}
	cov, err := Module{}.Read(context.Background(), h, engine.Scope{}, func(r engine.Resource) error {
		got[r.Addr.Name] = r.Value.GetAttr(attrTo).AsString()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"java": "java-1.8.0-openjdk.x86_64", "mta": "/usr/sbin/sendmail.ssmtp",
		"java_old": "/usr/lib/jvm/java-1.8.0-openjdk-1.8.0.392/jre/bin/java", // not what its family stands for
	}
	if len(got) != len(want) || cov.Whole || len(cov.Notes) != 1 {
		t.Errorf("read %v, %+v", got, cov)
	}
	for name, to := range want {
		if got[name] != to {
			t.Errorf("%s is %q, want %q", name, got[name], to)
		}
	}
}

func TestCommand(t *testing.T) {
	h := newHost(t, map[string]string{"java": "auto /x", "mta": "auto /x"})
	for _, tt := range []struct{ name, to, argv, err string }{
		{"mta", "/usr/sbin/sendmail.ssmtp", "--set mta /usr/sbin/sendmail.ssmtp", ""},
		{"java", "java-1.8.0-openjdk.x86_64", "--set java /usr/lib/jvm/java-1.8.0-openjdk-1.8.0.402/jre/bin/java", ""},
		{"java", "/usr/lib/jvm/java-11-openjdk-11.0.22/bin/java", "", `write to = "java-11-openjdk.x86_64"`},
		{"mta", "/bin/evil", "", "none of its choices here: /usr/sbin/sendmail.postfix, /usr/sbin/sendmail.ssmtp"},
		{"mta", "--config", "", "none of its choices"},
		{"../mta", "/x", "", "no name of an alternative"},
		{"--help", "/x", "", "no name of an alternative"},
		{"none", "/x", "", "no package here"},
		{"mta", "", "", "say with to"},
	} {
		a := engine.Addr{Kind: Kind, Name: tt.name}
		argv, err := command(h, engine.Change{Addr: a, Action: engine.Create, After: &engine.Resource{Addr: a,
			Value: cty.ObjectVal(map[string]cty.Value{attrTo: cty.StringVal(tt.to)})}})
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s to %q: %v, want %q", tt.name, tt.to, err, tt.err)
			}
			continue
		}
		if err != nil || strings.Join(argv, " ") != program+" "+tt.argv {
			t.Errorf("%s to %q: %v, %v", tt.name, tt.to, argv, err)
		}
	}
	if argv, err := command(h, engine.Change{Addr: engine.Addr{Kind: Kind, Name: "none"}, Action: engine.Delete}); argv != nil || err != nil {
		t.Errorf("what is gone with its package: %v, %v", argv, err)
	}
	if _, err := load(h, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"auto\n" + java, "manual\n" + mta, "manual\n/x\n", "auto\n/x\n\n/y\n@f\n", "auto\n/x\na\nb\n\n/y\n5\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parse(s)
		if err != nil {
			return
		}
		for _, one := range c.all {
			if to, err := c.path(c.wish(one.target)); err != nil || to != one.target {
				t.Errorf("%q is chosen by %q, which gives %q, %v", one.target, c.wish(one.target), to, err)
			}
		}
	})
}
