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
// says nothing; one that dies of something after that still does.
func TestRehearsalOfOneThatSaysWhenItIsReady(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	daemon := hosts.Rehearsal{Argv: []string{self, "-test.run=^TestSaysReady$"}, Lives: 30 * time.Second}
	if died := rehearse(t, daemon); died[0] != "" {
		t.Errorf("died: %s", died[0])
	}
	if took := time.Since(start); took > daemon.Lives/2 {
		t.Errorf("it took %v", took)
	}
	daemon.Argv = append(daemon.Argv, "-test.v", "dies")
	if died := rehearse(t, daemon); !strings.Contains(died[0], "exit status 5") {
		t.Errorf("died: %q", died[0])
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
	if os.Args[len(os.Args)-1] == "dies" {
		os.Exit(5)
	}
	time.Sleep(time.Minute)
}
