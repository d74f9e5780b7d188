package ssh

import (
	"io"
	"net"
	"testing"
	"time"
)

// A peer that leaves Nagle's algorithm on, as sshd does, sends its second small
// packet as soon as the first was read.
func TestPromptly(t *testing.T) {
	const rounds = 20
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	took := func(wrap func(net.Conn) net.Conn) time.Duration {
		served := make(chan error, 1)
		go func() {
			served <- func() error {
				c, err := l.Accept()
				if err != nil {
					return err
				}
				defer c.Close()
				if err := c.(*net.TCPConn).SetNoDelay(false); err != nil {
					return err
				}
				for range rounds {
					if _, err := io.ReadFull(c, make([]byte, 8)); err != nil {
						return err
					}
					for range 2 {
						if _, err := c.Write(make([]byte, 100)); err != nil {
							return err
						}
					}
				}
				return nil
			}()
		}()
		plain, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer plain.Close()
		c := wrap(plain)
		began := time.Now()
		for range rounds {
			if _, err := c.Write(make([]byte, 8)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, 200)); err != nil {
				t.Fatal(err)
			}
		}
		d := time.Since(began)
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		return d
	}
	late := took(func(c net.Conn) net.Conn { return c })
	prompt := took(promptly)
	for range 4 { // a machine that is busy may be late by itself
		prompt = min(prompt, took(promptly))
	}
	t.Logf("%d rounds: %v, promptly %v", rounds, late, prompt)
	if most := max(late/3, rounds*5*time.Millisecond); prompt > most { // a kernel may be prompt by itself
		t.Errorf("%v, and %v without", prompt, late)
	}
}
