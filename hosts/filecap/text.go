package filecap

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// names are the capabilities by number, from capabilities(7).
var names = [known]string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
	"setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
	"ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
	"sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
	"lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
	"wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
}

// flags say which of the three sets a capability is in, with libcap's values:
// the order of the clauses in the text follows them.
type flags uint8

const (
	effective   flags = 1
	permitted   flags = 2
	inheritable flags = 4
	allFlags          = effective | permitted | inheritable
)

func (f flags) String() string {
	var b strings.Builder
	for _, s := range []struct {
		f flags
		c byte
	}{{effective, 'e'}, {inheritable, 'i'}, {permitted, 'p'}} {
		if f&s.f != 0 {
			b.WriteByte(s.c)
		}
	}
	return b.String()
}

// sets are the capabilities by flag, each in its own right, as the text has
// them: in it the effective set is a set too.
type sets struct{ e, i, p uint64 }

func (s *sets) flags(n int) flags {
	var f flags
	for _, x := range []struct {
		set uint64
		f   flags
	}{{s.e, effective}, {s.i, inheritable}, {s.p, permitted}} {
		if x.set>>n&1 != 0 {
			f |= x.f
		}
	}
	return f
}

// String gives the canonical text; "=" where the attribute is there and empty.
func (c Caps) String() string {
	s := sets{i: c.Inheritable, p: c.Permitted}
	if c.Effective {
		s.e = s.i | s.p
	}
	text := s.String()
	if c.RootID != 0 {
		text += fmt.Sprintf(" [rootid=%d]", c.RootID)
	}
	return text
}

// String does as cap_to_text(3): what most capabilities share comes first, then
// those that differ from it, then those without a name, which "all" leaves out.
func (s *sets) String() string {
	base := flags(0)
	for f := range allFlags + 1 {
		if s.named(f) > s.named(base) {
			base = f
		}
	}
	var clauses []string
	if base != 0 {
		clauses = append(clauses, "="+base.String())
	}
	add := func(members []string, from, to flags) {
		switch list := strings.Join(members, ","); {
		case len(members) == 0:
		case len(clauses) == 0:
			clauses = append(clauses, list+"="+to.String())
		default:
			clauses = append(clauses, list+change("+", to&^from)+change("-", from&^to))
		}
	}
	for f := int(allFlags); f >= 0; f-- {
		if flags(f) != base {
			add(s.members(flags(f), 0, known), base, flags(f))
		}
	}
	for f := allFlags; f > 0; f-- {
		add(s.members(f, known, 64), 0, f)
	}
	if len(clauses) == 0 {
		return "="
	}
	return strings.Join(clauses, " ")
}

// change writes one operation, where there is something to it.
func change(op string, f flags) string {
	if f == 0 {
		return ""
	}
	return op + f.String()
}

// members gives the capabilities from first to below end with just these flags.
func (s *sets) members(f flags, first, end int) []string {
	var list []string
	for n := first; n < end; n++ {
		switch {
		case s.flags(n) != f:
		case n < known:
			list = append(list, "cap_"+names[n])
		default:
			list = append(list, strconv.Itoa(n))
		}
	}
	return list
}

// named counts the capabilities with a name that have just these flags.
func (s *sets) named(f flags) int {
	const all = 1<<known - 1
	pick := func(set uint64, f, which flags) uint64 {
		if f&which != 0 {
			return set
		}
		return ^set
	}
	return bits.OnesCount64(all & pick(s.e, f, effective) & pick(s.i, f, inheritable) & pick(s.p, f, permitted))
}

// Parse reads text in the form of cap_from_text(3): clauses of names and
// operations, "cap_net_raw,cap_kill+ep-i", each changing what those before it
// left. It refuses what no file can have: effective capabilities that are some
// but not all of the permitted and inheritable ones.
func Parse(text string) (Caps, error) {
	var s sets
	var c Caps
	rest := text
	if i := strings.IndexByte(rest, '['); i >= 0 {
		id, ok := strings.CutPrefix(rest[i:], "[rootid=")
		id, ok2 := strings.CutSuffix(strings.TrimSpace(id), "]")
		n, err := strconv.ParseUint(id, 10, 32)
		if !ok || !ok2 || err != nil {
			return Caps{}, fmt.Errorf("cannot read file capabilities %q: want [rootid=NUMBER] at the end", text)
		}
		c.RootID, rest = uint32(n), rest[:i]
	}
	clauses := strings.Fields(rest)
	if len(clauses) == 0 {
		return Caps{}, fmt.Errorf("cannot read file capabilities %q: no capability in it, want such as cap_net_raw=ep", text)
	}
	for _, clause := range clauses {
		if err := s.apply(clause); err != nil {
			return Caps{}, fmt.Errorf("cannot read file capabilities %q: %w", text, err)
		}
	}
	c.Permitted, c.Inheritable, c.Effective = s.p, s.i, s.e != 0
	if c.Effective && s.e != s.p|s.i {
		return Caps{}, fmt.Errorf("cannot read file capabilities %q: a file's effective capabilities are all of its permitted and inheritable ones or none", text)
	}
	return c, nil
}

// apply changes the sets by one clause.
func (s *sets) apply(clause string) error {
	list, ops := clause, ""
	if i := strings.IndexAny(clause, "=+-"); i >= 0 {
		list, ops = clause[:i], clause[i:]
	}
	if ops == "" {
		return fmt.Errorf("%q says nothing of its capabilities, want such as =ep after them", clause)
	}
	which, err := parseList(list)
	if err != nil {
		return err
	}
	if list == "" && ops[0] != '=' {
		return fmt.Errorf("%q names no capability", clause)
	}
	for i := 0; ops != ""; i++ {
		op := ops[0]
		if op == '=' && i > 0 {
			return fmt.Errorf("%q has = after another operation", clause)
		}
		end := strings.IndexAny(ops[1:], "=+-") + 1
		if end == 0 {
			end = len(ops)
		}
		var f flags
		for _, c := range ops[1:end] {
			switch c {
			case 'e':
				f |= effective
			case 'i':
				f |= inheritable
			case 'p':
				f |= permitted
			default:
				return fmt.Errorf("%q has %q where e, i or p are known", clause, c)
			}
		}
		if f == 0 && op != '=' {
			return fmt.Errorf("%q has %c with no flag after it", clause, op)
		}
		ops = ops[end:]
		s.change(which, op, f)
	}
	return nil
}

func (s *sets) change(which uint64, op byte, f flags) {
	for _, x := range []struct {
		set *uint64
		f   flags
	}{{&s.e, effective}, {&s.i, inheritable}, {&s.p, permitted}} {
		switch {
		case f&x.f != 0 && op == '-', f&x.f == 0 && op == '=':
			*x.set &^= which
		case f&x.f != 0:
			*x.set |= which
		}
	}
}

// parseList reads names joined by commas; none, or "all", stand for all that
// have a name.
func parseList(list string) (uint64, error) {
	if list == "" || strings.EqualFold(list, "all") {
		return 1<<known - 1, nil
	}
	var set uint64
	for name := range strings.SplitSeq(list, ",") {
		lower := strings.ToLower(name)
		n := slices.Index(names[:], strings.TrimPrefix(lower, "cap_"))
		if n < 0 || !strings.HasPrefix(lower, "cap_") {
			d, err := strconv.ParseUint(strings.TrimPrefix(lower, "cap_"), 10, 6)
			if err != nil {
				return 0, fmt.Errorf("there is no capability %q", name)
			}
			n = int(d)
		}
		set |= 1 << n
	}
	return set, nil
}
