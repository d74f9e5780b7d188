package selinux

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

const portsFile = "ports.local"

func portKind() *kind {
	return &kind{
		schema: engine.Schema{
			Kind:  PortKind,
			Doc:   "A port, or a range of them, to which SELinux's policy here gives another type than the distribution's.",
			Label: "protocol and port, as in tcp/8443 or udp/9000-9010",
			Stage: engine.StageSystem,
			Attrs: []engine.Attr{
				{Name: attrType, Type: cty.String, Doc: "The type, http_port_t: who may bind it is the policy's."},
				{Name: attrLevel, Type: cty.String, Default: cty.StringVal("s0"), Doc: "The MLS or MCS level."},
			},
		},
		read: func(st *store, _ engine.Scope, emit func(engine.Resource) error) ([]string, error) {
			ports, notes, err := st.ports()
			if err != nil {
				return notes, err
			}
			for _, name := range slices.Sorted(maps.Keys(ports)) {
				c := ports[name]
				err := emit(engine.Resource{
					Addr:  engine.Addr{Kind: PortKind, Name: name},
					Value: cty.ObjectVal(map[string]cty.Value{attrType: cty.StringVal(c.typ), attrLevel: optional(c.level)}),
				})
				if err != nil {
					return notes, err
				}
			}
			return notes, nil
		},
		plan: planPorts,
	}
}

// ports are those with a type of their own here: portcon PROTOCOL LOW [- HIGH] CONTEXT.
func (st *store) ports() (map[string]secontext, []string, error) {
	ports := map[string]secontext{}
	notes, err := st.lines(portsFile, func(field []string) error {
		if len(field) < 4 || field[0] != "portcon" {
			return errors.New("want portcon PROTOCOL PORT CONTEXT")
		}
		last := len(field) - 1
		p, err := parsePort(field[1] + "/" + strings.Join(field[2:last], ""))
		if err != nil {
			return err
		}
		c, err := parseContext(field[last])
		if err == nil {
			ports[p.String()] = c
		}
		return err
	})
	return ports, notes, err
}

// port is a resource's name, read.
type port struct {
	protocol  string
	low, high uint16
}

func (p port) String() string { return p.protocol + "/" + p.numbers() }

func (p port) numbers() string {
	if p.low == p.high {
		return strconv.Itoa(int(p.low))
	}
	return fmt.Sprintf("%d-%d", p.low, p.high)
}

func parsePort(s string) (port, error) {
	protocol, numbers, _ := strings.Cut(s, "/")
	if !slices.Contains([]string{"tcp", "udp", "dccp", "sctp"}, protocol) {
		return port{}, fmt.Errorf("%q: want a port as in tcp/8443 or udp/9000-9010", s)
	}
	low, high, isRange := strings.Cut(numbers, "-")
	if !isRange {
		high = low
	}
	l, err := strconv.ParseUint(low, 10, 16)
	h, err2 := strconv.ParseUint(high, 10, 16)
	p := port{protocol, uint16(l), uint16(h)}
	if err != nil || err2 != nil || l == 0 || l > h || isRange && l == h || p.numbers() != numbers {
		return port{}, fmt.Errorf("%q: want a port as in tcp/8443 or udp/9000-9010", s)
	}
	return p, nil
}

func planPorts(ctx context.Context, b *batch, cs []engine.Change) error {
	have, _, err := b.store.ports()
	if err != nil {
		return err
	}
	var policys map[string]bool // the policy's own ports; asked for where it matters
	for _, c := range cs {
		p, err := parsePort(c.Addr.Name)
		if err != nil {
			return refused(c.Addr, "%w", err)
		}
		if c.Action == engine.Delete {
			b.add("port -d -p %s %s", p.protocol, p.numbers())
			continue
		}
		typ, level := text(c.After, attrType), text(c.After, attrLevel)
		if err := errors.Join(checkWord("type", typ), checkLevel(level)); err != nil {
			return refused(c.Addr, "%w", err)
		}
		verb := "-m"
		if _, local := have[c.Addr.Name]; !local {
			if policys == nil {
				if policys, err = policyPorts(ctx, b.host); err != nil {
					return err
				}
			}
			if !policys[c.Addr.Name] {
				verb = "-a"
			}
		}
		b.add("port %s -t %s%s -p %s %s", verb, typ, levelOption(level), p.protocol, p.numbers())
	}
	return nil
}

// policyPorts lists the ports that the policy names itself, which semanage
// (before 3.4) modifies and does not add: TYPE PROTOCOL PORT, PORT-PORT, ...
func policyPorts(ctx context.Context, h hosts.Host) (map[string]bool, error) {
	out, err := semanage(ctx, h, nil, "port", "-l", "-n")
	if err != nil {
		return nil, err
	}
	ports := map[string]bool{}
	for line := range strings.Lines(out) {
		field := strings.Fields(line)
		if len(field) < 3 {
			continue
		}
		for _, numbers := range field[2:] {
			if p, err := parsePort(field[1] + "/" + strings.TrimSuffix(numbers, ",")); err == nil {
				ports[p.String()] = true
			}
		}
	}
	return ports, nil
}

func levelOption(level string) string {
	if level == "" {
		return ""
	}
	return " -r " + level
}
