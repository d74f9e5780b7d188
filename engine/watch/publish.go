package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// WriteMetrics replaces a file of metrics, for node_exporter's textfile collector,
// which reads whatever ends in .prom: it is written aside, under another ending, and
// renamed.
func WriteMetrics(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.new")
	if err != nil {
		return fmt.Errorf("cannot write metrics: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write metrics: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	_, err = f.Write(text)
	// node_exporter runs as somebody else.
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// ListenMetrics listens where only this host can ask: on unix:PATH, or on a port of
// a loopback address. A socket's directory says who may.
func ListenMetrics(where string) (net.Listener, error) {
	if path, is := strings.CutPrefix(where, "unix:"); is {
		return listenUnix(path)
	}
	at, err := netip.ParseAddrPort(where)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("cannot listen for metrics on %q: want unix:/run/hikae-watch/metrics.sock, 127.0.0.1:PORT or [::1]:PORT; "+
			"what is told there is for nobody else, so have this host's own agent ask", where)
	}
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("cannot listen for metrics: %w", err)
	}
	return l, nil
}

// listenUnix takes the place of a socket that nobody listens on any more.
func listenUnix(path string) (net.Listener, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("cannot listen for metrics on unix:%s: want an absolute path", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
			_ = c.Close()
			return nil, fmt.Errorf("cannot listen for metrics on unix:%s: another process does", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("cannot listen for metrics: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err == nil {
		if err = os.Chmod(path, 0o666); err != nil { //nolint:gosec // its directory says who may ask
			err = errors.Join(err, l.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen for metrics: %w", err)
	}
	return l, nil
}

// mostAsking is how many may ask at a time: any process of this host may, and each
// takes a file of those that the loop reaches its hosts by.
const mostAsking = 16

// few is a listener that has only so many connections at a time.
type few struct {
	net.Listener
	room chan struct{}
}

func (l few) Accept() (net.Conn, error) {
	l.room <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &asking{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
}

// asking is one of them.
type asking struct {
	net.Conn
	leave func()
}

func (c *asking) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// ServeMetrics answers GET /metrics, and nothing else, until ctx ends.
func ServeMetrics(ctx context.Context, l net.Listener, text func() []byte) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", MetricsType)
		_, _ = w.Write(text()) // who asked has gone
	})
	s := &http.Server{
		Handler: mux, ReadTimeout: 2 * time.Second, WriteTimeout: 10 * time.Second,
		MaxHeaderBytes: 16 << 10,
	}
	s.SetKeepAlivesEnabled(false)
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(few{l, make(chan struct{}, mostAsking)}); ctx.Err() == nil {
		return fmt.Errorf("cannot answer for metrics: %w", err)
	}
	return nil
}

// metricsText is the board's status for Prometheus.
func (b *board) metricsText() []byte {
	var out bytes.Buffer
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.status.Metrics(&out, b.loop.Version, time.Now()) // to memory
	return out.Bytes()
}

// metricsFile writes the file, where one is wanted.
func (b *board) metricsFile() {
	if b.loop.MetricsFile == "" {
		return
	}
	b.tried("metrics", WriteMetrics(b.loop.MetricsFile, b.metricsText()))
}

// serve answers for metrics until ctx ends. That they cannot be had stops nothing.
func (b *board) serve(ctx context.Context, l net.Listener) {
	if err := ServeMetrics(ctx, l, b.metricsText); err != nil {
		b.loop.Log.Error(err.Error())
	}
}
