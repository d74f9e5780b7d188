package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// probeEvery is how often a probe asks: 20 times a second.
const probeEvery = 50 * time.Millisecond

// probe is a client of a service that asks it again and again, each time as a
// new client, and counts what fails.
type probe struct {
	name string
	ask  func(ctx context.Context) error

	stop   func()
	asked  int
	failed []string
	gap    time.Duration // the longest time without an answer
}

// probes starts clients of the primary's services.
func (l *lab) probes() map[string]*probe {
	l.t.Helper()
	all := map[string]*probe{}
	for _, p := range []*probe{
		{name: "http", ask: askHTTP("http://10.98.0.11/")},
		{name: "dns", ask: askDNS("10.98.0.11:53", "www.rio.example")},
		{name: "imap", ask: askBanner("10.98.0.11:993", "* OK", true)},
		{name: "smtp", ask: askBanner("10.98.0.11:25", "220", false)},
		{name: "redis", ask: askPong(l.forward("primary", "127.0.0.1:6379"))},
		{name: "mariadb", ask: askGreeting(l.forward("primary", "127.0.0.1:3306"))},
	} {
		all[p.name] = p
		p.start(l.t)
	}
	return all
}

// forward has ssh carry a port of this machine's loopback to what a host serves
// on its own, and returns the port's address once that answers.
func (l *lab) forward(host, to string) string {
	l.t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	addr := free.Addr().String()
	if err := free.Close(); err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command("ssh", "-F", l.sshConf, "-N", "-o", "ExitOnForwardFailure=yes", "-L", addr+":"+to, "root@"+host)
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(probeEvery) {
		c, err := dial(l.t.Context(), "tcp", addr)
		if err == nil {
			_ = c.Close()
			return addr
		}
		if time.Now().After(end) {
			l.t.Fatalf("ssh forwards nothing to %s: %v", to, err)
		}
	}
}

func (p *probe) start(t *testing.T) {
	t.Helper()
	if err := p.ask(t.Context()); err != nil {
		t.Fatalf("%s does not answer before anything was done: %v", p.name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	p.stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(p.stop)
	wg.Go(func() {
		tick := time.NewTicker(probeEvery)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := p.ask(ctx)
			if ctx.Err() != nil {
				return
			}
			p.asked++
			if err != nil {
				p.failed = append(p.failed, err.Error())
				continue
			}
			p.gap = max(p.gap, time.Since(last))
			last = time.Now()
		}
	})
}

// end stops the probe and tells what it saw.
func (p *probe) end(t *testing.T) {
	t.Helper()
	p.stop()
	t.Logf("%s: asked %d times, %d failed, longest time without an answer %.2f s", p.name, p.asked, len(p.failed), p.gap.Seconds())
}

// unharmed wants the probe to have seen no failure.
func (p *probe) unharmed(t *testing.T) {
	t.Helper()
	p.end(t)
	if len(p.failed) > 0 || p.asked == 0 {
		t.Errorf("%s: %d of %d failed: %s", p.name, len(p.failed), p.asked, strings.Join(p.failed, "; "))
	}
}

const patience = 3 * time.Second // of a client

func askHTTP(url string) func(context.Context) error {
	client := &http.Client{
		Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // that is an answer
	}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
}

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience}
	c, err := d.DialContext(ctx, network, addr)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(patience))
	}
	return c, err
}

// askBanner wants a server's first words, behind TLS or not.
func askBanner(addr, want string, secret bool) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := dial(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		if secret {
			c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		}
		line, err := bufio.NewReader(c).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, want) {
			err = fmt.Errorf("it said %q", line)
		}
		return err
	}
}

// askPong wants redis to answer a ping.
func askPong(addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := dial(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write([]byte("PING\r\n")); err != nil {
			return err
		}
		line, err := bufio.NewReader(c).ReadString('\n')
		if err == nil && line != "+PONG\r\n" {
			err = fmt.Errorf("it said %q", line)
		}
		return err
	}
}

// askGreeting wants the packet with which mariadb begins: length, number, and
// version 10 of the protocol.
func askGreeting(addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := dial(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		var packet [5]byte
		if _, err := io.ReadFull(c, packet[:]); err != nil {
			return err
		}
		if packet[4] != 10 && packet[4] != 0xff { // or that it knows no such client
			return fmt.Errorf("it said % x", packet)
		}
		return nil
	}
}

// askDNS wants an answer to a question for an address (RFC 1035).
func askDNS(addr, name string) func(context.Context) error {
	question := []byte{0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		question = append(append(question, byte(len(label))), label...)
	}
	question = append(question, 0, 0, 1, 0, 1)
	return func(ctx context.Context) error {
		c, err := dial(ctx, "udp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		buf := make([]byte, 512)
		n := 0
		// A datagram may be lost: a resolver asks again.
		for end := time.Now().Add(patience); n == 0 && err == nil; {
			if err = c.SetDeadline(time.Now().Add(patience / 12)); err != nil {
				break
			}
			if _, err = c.Write(question); err != nil {
				break
			}
			n, err = c.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(end) && ctx.Err() == nil {
				err = nil
			}
		}
		switch {
		case err != nil:
			return err
		case n < 12 || !bytes.Equal(buf[:2], question[:2]) || buf[3]&15 != 0 || buf[7] == 0:
			return fmt.Errorf("answer % x", buf[:n])
		}
		return nil
	}
}
