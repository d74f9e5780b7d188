package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// Server is the agent's side: what it reads and writes, and what it allows.
type Server struct {
	Host    hosts.Host
	Modules []engine.Module
	Applier engine.Applier
	Build   string // build id of this program
	// Unfinished says what an apply that was cut off has left, for the hello:
	// one with no changes brings it to its end. nil: there is never any.
	Unfinished func() string
	// ReadOnly sessions refuse Apply, keys and recipients chosen by the
	// client, and trees beyond Paths.
	ReadOnly bool

	// Spool is where contents wait for their apply; "" means DefaultSpool.
	Spool string

	// Trust is what the host itself says. In a session that is not read-only
	// the client may give a key or recipients where the host gives none.
	Trust

	// Done is called when a Local session has ended: it gives back what the Host
	// holds. nil: there is nothing.
	Done func()

	Log *slog.Logger // nil: none
}

// session is the server's side of one connection.
type session struct {
	Server
	l       *link
	schemas map[string]engine.Schema
	vault   *vault
	log     *slog.Logger
	tidy    bool // at the end, remove what cut off sessions left in the spool
	tree    *openTree
}

// Serve answers one client until it says goodbye (nil), the connection ends or
// ctx does. rwc is closed then. An apply under way is brought to its end first.
func Serve(ctx context.Context, rwc io.ReadWriteCloser, s Server) error {
	l, err := newLink(rwc)
	if err != nil {
		return err
	}
	ss := &session{
		Server: s, l: l, log: s.Log,
		schemas: make(map[string]engine.Schema), vault: newVault(bytes.Clone(s.HomeKey)),
	}
	if ss.log == nil {
		ss.log = slog.New(slog.DiscardHandler)
	}
	if ss.Spool == "" {
		ss.Spool = DefaultSpool
	}
	for _, m := range s.Modules {
		ss.schemas[m.Schema().Kind] = m.Schema()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		<-l.dead
		cancel(l.err)
	}()
	defer context.AfterFunc(ctx, func() { l.close(context.Cause(ctx)) })()

	err = ss.serve(ctx)
	ss.closeTree()
	if errors.Is(err, ErrProtocol) || errors.Is(err, errSkew) {
		// A courtesy to one who may not be listening.
		defer time.AfterFunc(deadAfter, func() { l.close(err) }).Stop()
		_ = l.sendValue(kindFail, toWire(err))
	}
	if err == nil {
		l.close(io.EOF)
	}
	l.close(err)
	return err
}

var errSkew = errors.New("protocol versions differ")

func (ss *session) serve(ctx context.Context) error {
	if err := ss.hello(ctx); err != nil {
		return err
	}
	for {
		m, err := ss.l.recv(ctx)
		if err != nil {
			return err
		}
		switch m.kind {
		case kindBye:
			if len(m.body) != 0 {
				return protocolError("goodbye of %d bytes", len(m.body))
			}
			ss.sweepSpool()
			return nil
		case kindRead:
			err = ss.read(ctx, m)
		case kindFetch:
			err = ss.fetch(ctx, m)
		case kindApply:
			err = ss.apply(ctx, m)
		case kindLogin:
			err = ss.login(m)
		case kindWatch:
			err = ss.watch(ctx, m)
		case kindTrust:
			err = ss.trust(ctx, m)
		case kindTree:
			err = ss.openTree(m)
		case kindTreeAsk, kindTreeFetch, kindTreeOp, kindTreeDone, kindTreeRun:
			err = ss.onTree(ctx, m)
		default:
			err = protocolError("message of kind %d between operations", m.kind)
		}
		if err == nil {
			continue
		}
		if errors.Is(err, ErrProtocol) || ctx.Err() != nil {
			return err
		}
		ss.log.Debug("operation failed", "error", err)
		if err := ss.l.sendValue(kindFail, toWire(err)); err != nil {
			return err
		}
	}
}

func (ss *session) hello(ctx context.Context) error {
	facts := ss.Host.Facts()
	fp := fingerprint(slices.Collect(maps.Values(ss.schemas)))
	ours := hello{Protocol: Protocol, Build: ss.Build, Schemas: fp[:], ReadOnly: ss.ReadOnly, Facts: &facts, HomeKey: keyCheck(ss.HomeKey)}
	if ss.Unfinished != nil {
		ours.Unfinished = ss.Unfinished()
	}
	if ours.Unfinished == "" && !ss.ReadOnly && ss.left() {
		ours.Unfinished = "contents lie here of an apply that is under way or was cut off; the next apply clears them away"
	}
	err := ss.l.sendValue(kindHello, ours)
	if err != nil {
		return err
	}
	m, err := ss.l.recv(ctx)
	if err != nil {
		return err
	}
	if m.kind != kindHello {
		return protocolError("message of kind %d where hello is wanted", m.kind)
	}
	var h hello
	if err := ss.l.lenient.Unmarshal(m.body, &h); err != nil {
		return protocolError("cannot decode hello: %w", err)
	}
	if h.Protocol != Protocol {
		return fmt.Errorf("%w: client %d, agent %d", errSkew, h.Protocol, Protocol)
	}
	ss.log.Debug("session begins", "client_build", h.Build, "read_only", ss.ReadOnly)
	return nil
}

// useKey takes the home key that the client gave.
func (ss *session) useKey(key []byte) error {
	switch {
	case len(key) == 0 || bytes.Equal(key, ss.vault.key):
		return nil
	case ss.ReadOnly:
		return fmt.Errorf("%w: a read-only session cannot choose the home key", ErrReadOnly)
	case len(ss.vault.key) != 0:
		return fmt.Errorf("%w: the home key is not the one that this host or session has (%s/%s): the host belongs to another project", engine.ErrRefused, TrustDir, homeKeyName)
	case len(key) < shortestKey || len(key) > longestKey:
		return fmt.Errorf("%w: home key of %d bytes, want %d to %d", engine.ErrRefused, len(key), shortestKey, longestKey)
	}
	ss.vault.key = bytes.Clone(key)
	return nil
}

// fingerprint tells schemas apart whose values do not travel alike.
func fingerprint(schemas []engine.Schema) [sha256.Size]byte {
	slices.SortFunc(schemas, func(a, b engine.Schema) int { return bytes.Compare([]byte(a.Kind), []byte(b.Kind)) })
	h := sha256.New()
	for _, s := range schemas {
		_, _ = fmt.Fprintf(h, "%q %v %d\n", s.Kind, s.Node, s.Stage) // a hash does not fail
		ty := s.ObjectType()
		for _, name := range attrNames(ty) {
			a, _ := s.Attr(name)
			_, _ = fmt.Fprintf(h, "  %q %s %v\n", name, typeName(ty.AttributeType(name)), a.Secret)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func typeName(ty cty.Type) string { return ty.GoString() }
