package local_test

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"hikae/hosts"
)

// A daemon that says that it is ready need not be watched for as long as one that
// says nothing, though it looks after something now and then; one that dies of
// something after that still does, at once or after some work.
func TestRehearsalOfOneThatSaysWhenItIsReady(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	daemon := hosts.Rehearsal{Lives: 30 * time.Second}
	who := func(does string) { daemon.Argv = []string{self, "-test.run=^TestSaysReady$", "-test.v", does} }
	for _, does := range []string{"nothing", "little"} {
		who(does)
		if died := rehearse(t, daemon); died[0] != "" {
			t.Errorf("%s: died: %s", does, died[0])
		}
	}
	if took := time.Since(start); took > daemon.Lives/2 {
		t.Errorf("it took %v", took)
	}
	for _, does := range []string{"dies", "works and dies"} {
		who(does)
		if died := rehearse(t, daemon); !strings.Contains(died[0], "exit status 5") {
			t.Errorf("%s: died: %q", does, died[0])
		}
	}
}

// TestSaysReady is that daemon, where a rehearsal starts this program.
func TestSaysReady(t *testing.T) {
	name := os.Getenv("NOTIFY_SOCKET")
	if !strings.HasPrefix(name, "@hikae/") {
		return
	}
	conn, err := net.Dial("unixgram", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("STATUS=here\nREADY=1\n")); err != nil {
		t.Fatal(err)
	}
	switch os.Args[len(os.Args)-1] {
	case "works and dies":
		for start := time.Now(); time.Since(start) < 500*time.Millisecond; {
		}
		os.Exit(5)
	case "dies":
		os.Exit(5)
	case "little":
		for range time.NewTicker(100 * time.Millisecond).C {
		}
	}
	time.Sleep(time.Minute)
}
