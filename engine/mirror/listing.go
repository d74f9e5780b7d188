package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"hikae/engine/agent"
	"hikae/hosts"
)

// dirsAtOnce is how many directories are listed with one question.
const dirsAtOnce = 500

// below compares what is in directories, which both sides have, going down where
// digests differ.
func (c *comparing) below(ctx context.Context, dirs []string) error {
	for len(dirs) > 0 && !c.full {
		n := min(len(dirs), dirsAtOnce)
		part := dirs[:n]
		dirs = dirs[n:]
		var down, come, gone []string
		if err := c.beside(ctx, part, &down, &come, &gone); err != nil {
			return err
		}
		if err := c.deep(ctx, come, gone); err != nil {
			return err
		}
		dirs = append(down, dirs...)
	}
	return nil
}

// beside compares the entries of directories as they come from both sides. It adds
// directories that differ within to down, those that only the source has to come
// and those that only the target has to gone.
func (c *comparing) beside(ctx context.Context, dirs []string, down, come, gone *[]string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	src, dst := c.stream(ctx, c.p.src, dirs), c.stream(ctx, c.p.dst, dirs)
	err := c.match(dirs, src, dst, down, come, gone)
	if err == nil {
		err = errors.Join(src.ended(), dst.ended())
	}
	if err != nil {
		cancel(err)
	}
	return errors.Join(err, <-src.done, <-dst.done)
}

// stream is what one side says of directories, in their order.
type stream struct {
	c    *comparing
	side *agent.Tree
	in   chan agent.Listed
	done chan error // when in is closed

	now  agent.Listed // the message at hand: what is left of it
	have bool
	last string
}

func (c *comparing) stream(ctx context.Context, side *agent.Tree, dirs []string) *stream {
	s := &stream{c: c, side: side, in: make(chan agent.Listed, 2), done: make(chan error, 1)}
	go func() {
		err := side.List(ctx, dirs, func(l agent.Listed) error {
			select {
			case s.in <- l:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		close(s.in)
		s.done <- err
	}()
	return s
}

// is reports whether the message at hand, or the next one, is of a directory.
func (s *stream) is(dir string) (bool, error) {
	if !s.have {
		l, ok := <-s.in
		if !ok {
			return false, nil
		}
		s.now, s.have = l, true
		if err := s.c.took(s.side, l); err != nil {
			return false, err
		}
	}
	return s.now.Dir == dir, nil
}

// ended is an error where more comes than was asked for, or in another order.
func (s *stream) ended() error {
	if more, err := s.is(""); more || err != nil || s.have {
		return errors.Join(err, fmt.Errorf("%w: a list of %q, out of its order", agent.ErrProtocol, s.now.Dir))
	}
	return nil
}

// next is the next entry in a directory: nil after the last. It stays that until it
// is taken.
func (s *stream) next(dir string) (*hosts.TreeEntry, error) {
	for {
		if is, err := s.is(dir); err != nil || !is {
			s.last = ""
			return nil, err
		}
		if len(s.now.Entries) > 0 {
			return &s.now.Entries[0], nil
		}
		s.have = false
	}
}

func (s *stream) take() error {
	p := s.now.Entries[0].Path
	if p <= s.last {
		return fmt.Errorf("%w: %q comes after %q", agent.ErrProtocol, p, s.last)
	}
	s.now.Entries, s.last = s.now.Entries[1:], p
	return nil
}

// took notes what could not be read.
func (c *comparing) took(side *agent.Tree, l agent.Listed) error {
	for _, h := range l.Holes {
		in := c.blind
		if h.Mount {
			if side != c.p.src {
				continue // what is to come there fails
			}
			in = c.hidden
		}
		if err := c.unread(in, h.Path, h.Err); err != nil {
			return err
		}
	}
	if l.Err != nil {
		return c.unread(c.blind, l.Dir, l.Err.Error())
	}
	return nil
}

// match judges directory by directory. One that a side says nothing of, or cannot
// read, is left out.
func (c *comparing) match(dirs []string, src, dst *stream, down, come, gone *[]string) error {
	for _, dir := range dirs {
		a, err := src.is(dir)
		if err != nil {
			return err
		}
		b, err := dst.is(dir)
		if err != nil {
			return err
		}
		both := a && b && src.now.Err == nil && dst.now.Err == nil
		for {
			d, err := pick(dir, src, dst)
			if err != nil {
				return err
			}
			if d.src == nil && d.dst == nil {
				break
			}
			if both {
				c.judge(d, down, come, gone)
			}
		}
	}
	return nil
}

// pick takes the entry that is next by its name, of both sides where both have it.
func pick(dir string, src, dst *stream) (d diff, err error) {
	a, err := src.next(dir)
	if err != nil {
		return d, err
	}
	b, err := dst.next(dir)
	if err != nil {
		return d, err
	}
	if a != nil && (b == nil || a.Path <= b.Path) {
		d.path, d.src = a.Path, a
	}
	if b != nil && (a == nil || b.Path <= a.Path) {
		d.path, d.dst = b.Path, b
	}
	if d.src != nil {
		err = src.take()
	}
	if d.dst != nil {
		err = errors.Join(err, dst.take())
	}
	return d, err
}

func (c *comparing) judge(d diff, down, come, gone *[]string) {
	if !same(d.src, d.dst) && !c.add(d) {
		return
	}
	srcDir := d.src != nil && d.src.Type == hosts.Dir
	dstDir := d.dst != nil && d.dst.Type == hosts.Dir
	switch {
	case srcDir && dstDir:
		if len(d.src.Digest) == 0 || !bytes.Equal(d.src.Digest, d.dst.Digest) {
			*down = append(*down, d.path)
		}
	case srcDir:
		*come = append(*come, d.path)
	case dstDir:
		*gone = append(*gone, d.path)
	}
}

// deep adds all below directories that only one side has.
func (c *comparing) deep(ctx context.Context, come, gone []string) error {
	err := c.walk(ctx, c.p.src, come, func(e *hosts.TreeEntry) { c.add(diff{path: e.Path, src: e}) })
	if err != nil {
		return err
	}
	return c.walk(ctx, c.p.dst, gone, func(e *hosts.TreeEntry) { c.add(diff{path: e.Path, dst: e}) })
}

func (c *comparing) walk(ctx context.Context, side *agent.Tree, dirs []string, add func(*hosts.TreeEntry)) error {
	if len(dirs) == 0 || c.full {
		return nil
	}
	all, err := side.Walk(ctx, dirs, c.p.m.diffs-len(c.diffs), func(l agent.Listed) error {
		for i := range l.Entries {
			add(&l.Entries[i])
		}
		return c.took(side, l)
	})
	c.full = c.full || !all
	return err
}
