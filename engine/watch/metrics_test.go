package watch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func metricsOf(t *testing.T, s *Status) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Metrics(&b, "0.1.0", noon); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The lines are as the format wants them: a family has its HELP and TYPE once, before
// its samples, and no family comes twice.
func TestMetrics(t *testing.T) {
	text := metricsOf(t, &phone().Status)
	sample := regexp.MustCompile(`^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? -?[0-9.]+$`)
	family, seen := "", map[string]bool{}
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if name, is := strings.CutPrefix(l, "# TYPE "); is {
			name, sort, _ := strings.Cut(name, " ")
			if name != family || sort != "gauge" && sort != "counter" || strings.HasSuffix(name, "_total") != (sort == "counter") {
				t.Errorf("%q after the HELP of %q", l, family)
			}
			continue
		}
		if name, is := strings.CutPrefix(l, "# HELP "); is {
			family, _, _ = strings.Cut(name, " ")
			if seen[family] {
				t.Errorf("%s comes twice", family)
			}
			seen[family] = true
			continue
		}
		if m := sample.FindStringSubmatch(l); m == nil || m[1] != family {
			t.Errorf("in %s: %q", family, l)
		}
	}
	for _, want := range []string{
		`hikae_build_info{version="0.1.0"} 1`,
		`hikae_follower_behind_seconds{host="standby",source="primary"} 0`,
		`hikae_follower_behind_seconds{host="bare",source="old"} 180000`,
		`hikae_follower_state{host="standby",source="primary",state="in step"} 1`,
		`hikae_follower_state{host="standby",source="primary",state="away"} 0`,
		`hikae_follower_behind{host="vps",source="primary",kind="service"} 1`,
		`hikae_held_back{host="vps",source="primary"} 1`,
		`hikae_source_up{source="old"} 0`,
		`hikae_alarm{source="primary"} 1`,
		`hikae_last_change_timestamp_seconds{source="primary"} 1795867197`,
		`hikae_changes_applied_total{host="standby",source="primary"} 12`,
		`hikae_mirror_backlog_bytes{host="standby",source="primary",root="/srv/data"} 3221225472`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(metricsOf(t, &Status{}), "hikae_source_up") {
		t.Error("a family without samples is told")
	}
}

// What a host is called cannot break out of its label.
func TestMetricsEscape(t *testing.T) {
	s := &Status{Mirrors: []MirrorStatus{{Host: "h", Source: "s", Root: "/a\"b\\c\nd\xff"}}}
	want := `root="/a\"b\\c\nd` + "\uFFFD" + `"} 0`
	if got := metricsOf(t, s); !strings.Contains(got, want) {
		t.Errorf("no %s in\n%s", want, got)
	}
}

func TestMetricsFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "hikae.prom")
	for _, text := range []string{"first\n", "second\n"} {
		if err := WriteMetrics(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if got, rerr := os.ReadFile(path); string(got) != text || err != nil || rerr != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%q, %v, %v", got, info.Mode(), err)
		}
	}
	if err := WriteMetrics(filepath.Join(dir, "none", "hikae.prom"), nil); err == nil {
		t.Error("written where there is no directory")
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteMetrics(filepath.Join(dir, "taken"), nil); err == nil {
		t.Error("written over a directory")
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if diff := cmp.Diff([]string(nil), left); diff != "" {
		t.Errorf("left behind: %s", diff)
	}
}

// That metrics cannot be written is said once, however long it is so.
func TestMetricsFileFails(t *testing.T) {
	var log bytes.Buffer
	dir := filepath.Join(t.TempDir(), "none")
	b := newBoard(&Loop{Log: slog.New(slog.NewTextHandler(&log, nil)), MetricsFile: filepath.Join(dir, "hikae.prom")})
	for range 3 {
		b.metricsFile()
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("it said %q", log.String())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b.metricsFile()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	b.metricsFile()
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("it said %q", log.String())
	}
}

// Whoever may ask takes no more of the loop's files than a few: it has hosts to reach.
func TestServeMetricsToFew(t *testing.T) {
	l, err := ListenMetrics("unix:" + filepath.Join(t.TempDir(), "metrics.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(l.Addr().String()); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("the socket: %v, %v: its directory is to say who may ask", info.Mode(), err)
	}
	counted := &counted{Listener: l}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ServeMetrics(ctx, counted, func() []byte { return nil }) }()
	for range mostAsking + 4 { // who connect, and say nothing
		c, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ask := func() string {
		c, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: hikae\r\n\r\n")
		said, _ := io.ReadAll(c) // to its end: nobody keeps his place
		return string(said)
	}
	if said := ask(); !strings.HasPrefix(said, "HTTP/1.1 200 ") {
		t.Errorf("who does ask is told %q", said)
	}
	if n := counted.most.Load(); n > mostAsking {
		t.Errorf("%d were answered at a time", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// counted counts how many connections are open at a time.
type counted struct {
	net.Listener
	now, most atomic.Int64
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.most.Store(max(l.most.Load(), l.now.Add(1)))
	return &countedConn{Conn: c, closed: sync.OnceFunc(func() { l.now.Add(-1) })}, nil
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// Metrics are answered where only this host asks, and nothing else is.
func TestServeMetrics(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "metrics.sock")
	for _, where := range []string{"127.0.0.1:0", "unix:" + sock, "unix:" + sock} { // it takes the place of one that is gone
		l, err := ListenMetrics(where)
		if err != nil {
			t.Fatal(err)
		}
		if u, is := l.(*net.UnixListener); is {
			u.SetUnlinkOnClose(false) // as when the process was killed
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- ServeMetrics(ctx, l, func() []byte { return []byte("hikae_x 1\n") }) }()
		client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, l.Addr().Network(), l.Addr().String())
		}}}
		for _, c := range []struct {
			method, path string
			want         string
		}{
			{"GET", "/metrics", "200 text/plain; version=0.0.4; charset=utf-8 hikae_x 1\n"},
			{"GET", "/", "404"},
			{"POST", "/metrics", "405"},
			{"GET", "/debug/pprof/", "404"},
		} {
			req, _ := http.NewRequestWithContext(ctx, c.method, "http://hikae"+c.path, nil)
			r, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if got := fmt.Sprintf("%d %s %s", r.StatusCode, r.Header.Get("Content-Type"), body); !strings.HasPrefix(got, c.want) {
				t.Errorf("%s %s: %s, want %s", c.method, c.path, got, c.want)
			}
		}
		if strings.HasPrefix(where, "unix:") {
			if other, err := ListenMetrics(where); err == nil {
				_ = other.Close()
				t.Error("it takes the place of one that answers")
			}
		}
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
		}
	}
	for _, where := range []string{"", ":9100", "0.0.0.0:9100", "192.168.1.12:9100", "[::]:9100", "localhost:9100", "unix:metrics.sock", "127.0.0.1"} {
		if l, err := ListenMetrics(where); err == nil {
			_ = l.Close()
			t.Errorf("it listens on %q", where)
		}
	}
}
