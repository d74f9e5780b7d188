package ssh

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// A connection is asked for a sign of life this often and given up when none
// comes for that long. Both together stay under 30 s.
const (
	aliveEvery   = 5 * time.Second
	aliveTimeout = 20 * time.Second
)

// Conn is a login on a host. Its methods may be used at the same time.
type Conn struct {
	client  *ssh.Client
	clients []*ssh.Client // the chain of hops, client last
	s       *settings
	target  Target
	opts    Options

	once sync.Once
	done chan struct{}
}

func newConn(clients []*ssh.Client, s *settings, t Target, o Options) *Conn {
	c := &Conn{
		client: clients[len(clients)-1], clients: clients, s: s, target: t, opts: o, done: make(chan struct{}),
	}
	go c.keepAlive()
	return c
}

// User is whom the login is as.
func (c *Conn) User() string { return c.s.user }

// Close ends the login and all that runs over it.
func (c *Conn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.done)
		for i := len(c.clients) - 1; i >= 0; i-- {
			err = errors.Join(err, c.clients[i].Close())
		}
	})
	return err
}

// keepAlive closes a connection whose far end does not answer, so that whoever
// waits for it gets an error.
func (c *Conn) keepAlive() {
	t := time.NewTicker(aliveEvery)
	defer t.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-t.C:
		}
		giveUp := time.AfterFunc(aliveTimeout, func() { _ = c.Close() })
		// The answer is a refusal; that there is one is what counts.
		_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
		giveUp.Stop()
		if err != nil {
			_ = c.Close()
			return
		}
	}
}

// SFTP opens a file transfer session, which the caller closes.
func (c *Conn) SFTP(ctx context.Context) (*sftp.Client, error) {
	// The library takes no context.
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	f, err := sftp.NewClient(c.client, sftp.UseConcurrentWrites(true))
	if err != nil {
		return nil, fmt.Errorf("cannot open SFTP on %s: %w", c.target, err)
	}
	return f, nil
}
