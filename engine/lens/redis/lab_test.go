package redis_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hikae/engine/lens/redis"
	"hikae/modules/lenstest"
)

// server starts a redis on each file and asks it for two settings that may be
// any text: a line of JSON each.
const server = `cat >ask.py <<'END'
import glob, json, os, socket, subprocess, time
for f in sorted(glob.glob("*.conf")):
    sock = os.path.abspath("s")
    p = subprocess.Popen(["redis-server", f, "--port", "0", "--unixsocket", sock, "--daemonize", "no", "--save", "", "--logfile", "/dev/null", "--supervised", "no"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    out = {"file": f, "error": None, "values": []}
    end = time.monotonic() + 20
    while True:
        if p.poll() is not None:
            out["error"] = p.stderr.read().decode("latin-1")
            break
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(sock)
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.002)
            continue
        r = s.makefile("rb")
        for name in (b"masteruser", b"cluster-announce-ip"):
            s.sendall(b"CONFIG GET " + name + b"\r\n")
            n = r.readline()
            assert n == b"*2\r\n", n
            for _ in range(2):
                size = int(r.readline()[1:])
                value = r.read(size + 2)[:-2]
            out["values"].append(value.hex())
        p.kill()
        break
    p.wait()
    if os.path.exists(sock): os.remove(sock)
    print(json.dumps(out))
END
python3 ask.py`

// TestLabRedis compares with redis: which lines it refuses, and what words say.
func TestLabRedis(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	files := map[string]string{}
	for range 160 {
		word := func() string {
			var b strings.Builder
			for range 1 + r.IntN(2) {
				b.WriteString(pick("a", "b1", `"x y"`, `'q'`, `"\x41\n\q\""`, `'\'\n'`, `"`, "'", `\`, "#", "\xe9", "\"\"", "\v"))
			}
			return b.String()
		}
		line := func(name string) string {
			return pick("", " ", "\t") + name + pick(" ", "  ", "\t", "\v ") + word() + pick("", " ", "\r", "\t\r")
		}
		files[fmt.Sprintf("%05d.conf", len(files))] = pick("", "# c \"\n", "\n\n", "\r\n") + line(pick("masteruser", "MasterUser")) + "\n" + line("cluster-announce-ip") + pick("", "\n", "\n#")
	}
	taken, refused := 0, 0
	for out := range strings.Lines(lenstest.Daemon(t, files, server)) {
		var got struct {
			File   string
			Error  *string
			Values []string
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		src := files[got.File]
		f, err := redis.Parse([]byte(src))
		switch {
		case got.Error != nil && (err != nil || strings.Contains(*got.Error, "wrong number of arguments") || strings.Contains(*got.Error, "Bad directive")):
			refused++ // the number of words is not the grammar's
		case got.Error != nil:
			t.Errorf("%q is taken; redis: %s", src, *got.Error)
		case err != nil:
			t.Errorf("%q is refused: %v; redis takes it", src, err)
		default:
			taken++
			for i, n := range f.Root.Nodes {
				if have := redis.Unquote(n.Word(f.Source(), 1)); hex.EncodeToString([]byte(have)) != got.Values[i] {
					t.Errorf("%q: the value %d is %x, redis's is %s", src, i, have, got.Values[i])
				}
			}
		}
	}
	t.Logf("%d files: %d taken, %d refused by both", len(files), taken, refused)
	if taken < 30 || refused < 30 {
		t.Error("too few of one sort to say anything")
	}
}
