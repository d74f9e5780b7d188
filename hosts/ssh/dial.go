package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// handshakeTimeout bounds the key exchange and login on one hop. With the
// longest ConnectTimeout it stays under 30 s.
const handshakeTimeout = 9 * time.Second

// Options say how to dial.
type Options struct {
	ConfigFile string // read instead of the usual ones, as ssh -F does; see ConfigEnv
	// Passphrase asks a person for the passphrase of a key file; nil in batch.
	Passphrase func(ctx context.Context, file string) ([]byte, error)
	Binaries   *Binaries // what is pushed; nil: this program and its kin beside it
	Opened     *Opened   // key files opened, and configurations read, before; nil: none
	Log        *slog.Logger
}

// Dial logs in to a host. The host is reached through the hops that ProxyJump
// names; each is checked and logged in to in the same way.
func Dial(ctx context.Context, t Target, o Options) (*Conn, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Binaries == nil {
		o.Binaries = new(Binaries)
	}
	go o.Binaries.known() // hashing takes as long as the handshake
	if o.Opened == nil {
		o.Opened = new(Opened)
	}
	cfg, err := loadConfig(o.ConfigFile, o.Opened, o.Log)
	if err != nil {
		return nil, err
	}
	d := &dialer{cfg: cfg, opts: o}
	clients, s, err := d.dial(ctx, t, 0)
	if err != nil {
		return nil, err
	}
	return newConn(clients, s, t, o), nil
}

// maxHops bounds chains of ProxyJump, which may name each other.
const maxHops = 8

type dialer struct {
	cfg  *config
	opts Options
}

// dial returns the connections of the chain, the target's last.
func (d *dialer) dial(ctx context.Context, t Target, depth int) ([]*ssh.Client, *settings, error) {
	if depth > maxHops {
		return nil, nil, fmt.Errorf("cannot reach %s: more than %d hops; does ProxyJump lead in a circle?", t, maxHops)
	}
	s, err := d.cfg.resolve(t)
	if err != nil {
		return nil, nil, err
	}
	var chain []*ssh.Client
	fail := func(err error) ([]*ssh.Client, *settings, error) {
		closeAll(chain)
		return nil, nil, err
	}
	if s.proxyJump != "" {
		for i, hop := range strings.Split(s.proxyJump, ",") {
			ht, err := ParseTarget(strings.TrimSpace(hop))
			if err != nil {
				return fail(fmt.Errorf("ProxyJump of %s: %w", t, err))
			}
			// Only the first hop may have hops of its own.
			more, err := d.hop(ctx, ht, chain, depth, i == 0)
			if err != nil {
				return fail(fmt.Errorf("cannot reach %s through %s: %w", t, hop, err))
			}
			chain = append(chain, more...)
		}
	}
	conn, err := d.connect(ctx, s, chain)
	if err != nil {
		return fail(err)
	}
	client, err := d.login(ctx, s, t, conn)
	if err != nil {
		return fail(err)
	}
	return append(chain, client), s, nil
}

func (d *dialer) hop(ctx context.Context, t Target, chain []*ssh.Client, depth int, first bool) ([]*ssh.Client, error) {
	if first {
		more, _, err := d.dial(ctx, t, depth+1)
		return more, err
	}
	s, err := d.cfg.resolve(t)
	if err != nil {
		return nil, err
	}
	conn, err := d.connect(ctx, s, chain)
	if err != nil {
		return nil, err
	}
	client, err := d.login(ctx, s, t, conn)
	if err != nil {
		return nil, err
	}
	return []*ssh.Client{client}, nil
}

func closeAll(clients []*ssh.Client) {
	for i := len(clients) - 1; i >= 0; i-- {
		_ = clients[i].Close()
	}
}

// connect opens the TCP connection, from the last hop of the chain if any.
func (d *dialer) connect(ctx context.Context, s *settings, chain []*ssh.Client) (net.Conn, error) {
	cctx, cancel := context.WithTimeout(ctx, s.connectTimeout)
	defer cancel()
	var conn net.Conn
	var err error
	if len(chain) > 0 {
		conn, err = chain[len(chain)-1].DialContext(cctx, "tcp", s.address())
	} else {
		nd := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3,
		}}
		conn, err = nd.DialContext(cctx, "tcp", s.address())
	}
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, unreachable(s, err, cctx.Err() != nil)
}

// login runs the SSH handshake over conn, which it closes when that fails.
func (d *dialer) login(ctx context.Context, s *settings, t Target, conn net.Conn) (*ssh.Client, error) {
	keys, err := newHostKeys(s)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	clock := newClock(ctx, conn)
	defer clock.stop()
	ring := &keyring{s: s, passphrase: d.opts.Passphrase, opened: d.opts.Opened, ctx: ctx, waiting: clock.pause}
	defer ring.close()

	c, chans, reqs, err := ssh.NewClientConn(newBuffered(promptly(conn)), s.address(), &ssh.ClientConfig{
		Config:            ssh.Config{Ciphers: ciphers()},
		User:              s.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeysCallback(ring.signers)},
		HostKeyCallback:   keys.callback,
		HostKeyAlgorithms: keys.algorithms(),
		ClientVersion:     "SSH-2.0-hikae",
	})
	if err != nil {
		_ = conn.Close() // the failed login is what counts
		return nil, refused(ctx, s, t, ring, clock, err)
	}
	return ssh.NewClient(c, chans, reqs), nil
}

// buffered reads a connection in large pieces: the library's own reads are of
// a few KiB, and the calls into the kernel would cost more than the deciphering.
type buffered struct {
	net.Conn
	br *bufio.Reader
}

func newBuffered(c net.Conn) *buffered {
	const size = 256 << 10
	return &buffered{Conn: c, br: bufio.NewReaderSize(c, size)}
}

func (b *buffered) Read(p []byte) (int, error) { return b.br.Read(p) }

// ciphers puts AES-GCM, which processors help with, before the others.
func ciphers() []string {
	return []string{
		ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305,
		ssh.CipherAES256CTR, ssh.CipherAES192CTR, ssh.CipherAES128CTR,
	}
}

// clock closes a connection whose handshake takes too long. While a person is
// asked for a passphrase it stands still.
type clock struct {
	conn    net.Conn
	mu      sync.Mutex
	timer   *time.Timer
	expired bool
	unhook  func() bool
}

func newClock(ctx context.Context, conn net.Conn) *clock {
	c := &clock{conn: conn}
	c.timer = time.AfterFunc(handshakeTimeout, c.expire)
	c.unhook = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return c
}

func (c *clock) expire() {
	c.mu.Lock()
	c.expired = true
	c.mu.Unlock()
	_ = c.conn.Close()
}

func (c *clock) pause(on bool) {
	if on {
		c.timer.Stop()
	} else {
		c.timer.Reset(handshakeTimeout)
	}
}

func (c *clock) stop() {
	c.timer.Stop()
	c.unhook()
}

func (c *clock) ranOut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.expired
}

func joinPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
