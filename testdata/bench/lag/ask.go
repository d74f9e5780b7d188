package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// answers waits until the daemon at a URL answers with a text in it. Each
// question is a new connection: who is connected may be served by a process of
// the daemon's that has not read the new content and never will.
func answers(ask, with string, until time.Time) error {
	u, err := url.Parse(ask)
	if err != nil {
		return err
	}
	question := overHTTP
	if u.Scheme == "dns" {
		question = overDNS
	}
	for {
		got, err := question(u)
		if err == nil && strings.Contains(got, with) {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("%s answers %q, not %q, in time: %w", ask, got, with, err)
		}
		time.Sleep(time.Millisecond)
	}
}

func overHTTP(u *url.URL) (string, error) {
	c := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Second,
	}
	r, err := c.Get(u.String())
	if err != nil {
		return "", err
	}
	_ = r.Body.Close()
	return r.Header.Get("Location"), nil
}

func overDNS(u *url.URL) (string, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(strings.TrimPrefix(u.Path, "/")), dns.TypeTXT)
	c := dns.Client{Timeout: time.Second}
	r, _, err := c.Exchange(m, net.JoinHostPort(u.Host, "53"))
	if err != nil {
		return "", err
	}
	var all []string
	for _, rr := range r.Answer {
		all = append(all, rr.String())
	}
	return strings.Join(all, " "), nil
}
