package local

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	envEntry = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)=`)
	// envOfOne are variables (systemd.exec(5)) by which systemd speaks with one
	// process and no other, and what the dynamic linker goes by.
	envOfOne = regexp.MustCompile(`^(NOTIFY_SOCKET|LISTEN_.*|WATCHDOG_.*|INVOCATION_ID|JOURNAL_STREAM|MAINPID|MANAGERPID|SYSTEMD_EXEC_PID|CREDENTIALS_DIRECTORY|LD_.*)$`)
)

// environment is that of the daemon that runs, as its unit has set it: of one
// that is root's alone, since another could have written there what root would
// then run. Daemons that write their title over it have none.
func environment(pid int) []string {
	env := []string{"LANG=C", "PATH=" + runPath}
	dir := "/proc/" + strconv.Itoa(pid)
	status, err := os.ReadFile(dir + "/status")
	if err != nil || pid == 0 || !strings.Contains(string(status), "\nUid:\t0\t0\t0\t0\n") {
		return env
	}
	b, err := os.ReadFile(dir + "/environ")
	if err != nil {
		return env
	}
	for v := range strings.SplitSeq(string(b), "\x00") {
		if m := envEntry.FindStringSubmatch(v); m != nil && !envOfOne.MatchString(m[1]) {
			env = append(env, v) // the last of a name counts: see exec.Cmd
		}
	}
	return env
}

// expand replaces a word "$NAME" by the words of that variable, as ExecStart=
// does (systemd.service(5)), quotes apart.
func expand(argv, env []string) []string {
	var out []string
	for _, w := range argv {
		name, ok := strings.CutPrefix(w, "$")
		if !ok {
			out = append(out, w)
			continue
		}
		for _, v := range slices.Backward(env) {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				out = append(out, strings.Fields(value)...)
				break
			}
		}
	}
	return out
}
