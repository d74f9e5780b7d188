package view

import (
	"fmt"
	"strings"
)

// Board shows the work on several hosts as one: what is told of a host comes
// out together, host by host in their order, each as soon as those before it
// are over; and on a terminal one line says how far all of them are. JSON lines
// name their host and come out at once.
type Board struct {
	s     *screen
	parts []*part
	turn  int // the host that prints at once
	over  int // how many are
}

// part is a host's share of a Board.
type part struct {
	board *Board
	index int
	doing string  // as the progress line tells it; "" before it begins
	held  []Event // until its turn comes
	over  bool
}

// Board makes one for n hosts.
func (v *View) Board(n int) *Board {
	b := &Board{s: v.screen, parts: make([]*part, n)}
	for i := range b.parts {
		b.parts[i] = &part{board: b, index: i}
	}
	return b
}

// Host is the view of host i.
func (b *Board) Host(i int) *View { return &View{screen: b.s, part: b.parts[i]} }

// Over says that host i has no more to tell.
func (b *Board) Over(i int) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.parts[i].over = true
	b.over++
	for b.turn < len(b.parts) && b.parts[b.turn].over {
		b.turn++
		if b.turn == len(b.parts) {
			break
		}
		next := b.parts[b.turn]
		for _, e := range next.held {
			b.s.print(e)
		}
		next.held = nil
	}
	switch {
	case !b.s.tty:
	case b.over < len(b.parts):
		b.s.status(b.status())
	default:
		b.s.wipe()
	}
}

func (p *part) turn() bool { return p.index == p.board.turn }

// status is how far all hosts are.
func (b *Board) status() string {
	doing := []string{fmt.Sprintf("%d of %d hosts", b.over, len(b.parts))}
	for _, p := range b.parts {
		if !p.over && p.doing != "" {
			doing = append(doing, p.doing)
		}
	}
	return strings.Join(doing, " | ")
}
