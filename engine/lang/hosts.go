package lang

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/rules"
)

var hostAttrs = []string{"follows", "hostonly", "identity", "keep", "labels", "local", "only", "paths", "ssh"}

func (l *loader) hosts(blocks []*hclsyntax.Block) {
	for _, b := range blocks {
		name, ok := l.label(b, `host "NAME" { ssh = "root@ADDRESS" }`)
		sym := l.scope.symbols["host"][name]
		if !ok || sym == nil || sym.at != b.DefRange() {
			continue // the scope told of a second one
		}
		r := l.reader(b, sym, hostAttrs, nil)
		h := Host{Name: name, Range: b.DefRange()}
		h.SSH, h.Local = r.text("ssh"), r.flag("local")
		l.reach(r, h)
		h.Identity = r.text("identity")
		h.Follows = r.oneRef("follows", "pair")
		h.Only = r.texts("only", l.checkOnly)
		if _, given := b.Body.Attributes["follows"]; len(h.Only) > 0 && !given {
			l.fail(r.at("only"), "only is of no use: the host follows no pair", "Add follows = pair.NAME, or remove only.")
		}
		h.Labels = r.texts("labels", checkLabel)
		h.HostOnly = r.texts("hostonly", checkPathPattern)
		h.Keep = r.texts("keep", checkKeep)
		h.Paths = r.trees("paths")
		l.project.Hosts = append(l.project.Hosts, h)
	}
}

// reach checks that a host is reached in one way.
func (l *loader) reach(r *blockReader, h Host) {
	_, ssh := r.b.Body.Attributes["ssh"]
	if _, local := r.b.Body.Attributes["local"]; local && !ssh && !h.Local {
		if v, ok := r.raw("local"); !ok || v.Type() != cty.Bool {
			return // what is wrong with it was told
		}
	}
	switch {
	case ssh && h.Local:
		l.fail(r.at("local"), "a host is either local or reached by ssh", "Remove one of the two.")
	case !ssh && !h.Local:
		l.fail(r.b.DefRange(), "how is this host reached?", fmt.Sprintf("Write ssh = \"root@%s\", or local = true for this very machine.", h.Name))
	case h.SSH != "":
		if _, err := parseSSH(h.SSH); err != nil {
			l.fail(r.at("ssh"), fmt.Sprintf("%q cannot be reached by ssh", h.SSH), sentence(err))
		}
	}
}

// sshTarget is [USER@]HOST[:PORT] taken apart.
type sshTarget struct {
	user, host string
	port       int // 0: ssh's own choice
}

var (
	sshUser = engine.Form(`^[A-Za-z0-9_][A-Za-z0-9_.$-]*$`)
	sshName = engine.Form(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	sshIPv6 = engine.Form(`^[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?$`)
)

func parseSSH(s string) (sshTarget, error) {
	var t sshTarget
	rest := s
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		t.user, rest = s[:i], s[i+1:]
		if !sshUser().MatchString(t.user) {
			return t, errors.New("the user name is not one: write USER@HOST")
		}
	}
	port := ""
	if inside, ok := strings.CutPrefix(rest, "["); ok {
		host, after, closed := strings.Cut(inside, "]")
		if !closed || !sshIPv6().MatchString(host) || after != "" && after[0] != ':' {
			return t, errors.New("an IPv6 address is written in brackets, as in root@[2001:db8::1]:22")
		}
		t.host, port = host, strings.TrimPrefix(after, ":")
		if after == "" {
			return t, nil
		}
	} else {
		if strings.Count(rest, ":") > 1 {
			return t, errors.New("an IPv6 address is written in brackets, as in root@[2001:db8::1]:22")
		}
		var given bool
		t.host, port, given = strings.Cut(rest, ":")
		if !sshName().MatchString(t.host) {
			return t, errors.New("write USER@HOST or USER@HOST:PORT, with a host name or an address")
		}
		if !given {
			return t, nil
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return t, errors.New("a port is a number from 1 to 65535")
	}
	t.port = int(n)
	return t, nil
}

// checkOnly checks KIND:GLOB.
func (l *loader) checkOnly(s string) error {
	kind, glob, ok := strings.Cut(s, ":")
	if !ok || kind == "" || glob == "" {
		return errors.New("a pattern is KIND:GLOB, as in file:/etc/named/** or package:bind*")
	}
	schema, known := l.schemas[kind]
	if !known {
		return fmt.Errorf("there are no resources of kind %q%s", kind, Nearest(kind, l.kinds()))
	}
	if schema.Node {
		return checkPathPattern(glob)
	}
	return rules.Validate(glob)
}

// checkPathPattern checks a glob over absolute paths.
func checkPathPattern(s string) error {
	if !strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "{/") && s != "**" {
		return errors.New("a pattern of paths begins with /, as in /etc/named/**")
	}
	return rules.Validate(s)
}

// checkKeep checks PATH#KEY.
func checkKeep(s string) error {
	_, err := rules.ParseKeep(s)
	return err
}

// checkTree checks a directory whose files are to be carried.
func checkTree(s string) error {
	raw, err := Unescape(s)
	switch {
	case err != nil:
		return err
	case strings.ContainsAny(s, "*?[{"):
		return errors.New("this is a directory, all of which is carried, and no pattern")
	case raw == "/":
		return errors.New("not everything: name the trees that are the house's own, such as /srv")
	}
	return checkPath(raw)
}

var labelWord = engine.Form(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func checkLabel(s string) error {
	if !labelWord().MatchString(s) {
		return errors.New("a label is a word of letters, digits, '_', '.' and '-'")
	}
	return nil
}

// follows checks the references between hosts and pairs.
func (l *loader) follows() {
	for _, h := range l.project.Hosts {
		if h.Follows == "" {
			continue
		}
		if p, ok := l.project.Pair(h.Follows); ok && slices.Contains(p.Members, h.Name) {
			l.fail(h.Range, fmt.Sprintf("host %q follows pair %q and is a member of it", h.Name, p.Name), "Members follow each other by their roles: remove follows.")
		}
	}
}

var backupTargets = []string{"azblob", "dir", "sftp"}

func (l *loader) backup(b *hclsyntax.Block) {
	name, ok := l.label(b, `backup "NAME" { dir = "/mnt/disk" }`)
	if !ok {
		return
	}
	if i := slices.IndexFunc(l.project.Backups, func(o Backup) bool { return o.Name == name }); i >= 0 {
		l.fail(b.DefRange(), fmt.Sprintf("backup %q is defined twice", name), "It is defined first at "+place(l.project.Backups[i].Range)+". Rename or remove one.")
		return
	}
	r := l.reader(b, nil, backupTargets, nil)
	out := Backup{Name: name, Range: b.DefRange()}
	for _, kind := range backupTargets {
		target := r.text(kind)
		if target == "" {
			continue
		}
		if out.Kind != "" {
			l.fail(r.at(kind), "a backup goes to one place", "Write a backup for each of "+out.Kind+" and "+kind+".")
			continue
		}
		out.Kind, out.Target = kind, target
		if err := checkTarget(kind, target); err != nil {
			l.fail(r.at(kind), fmt.Sprintf("%s: %q cannot be used", kind, target), sentence(err))
		}
	}
	if out.Kind == "" && len(b.Body.Attributes) == 0 {
		l.fail(b.DefRange(), "where does this backup go?", `Write azblob = "https://ACCOUNT.blob.core.windows.net/CONTAINER", sftp = "USER@HOST:/PATH" or dir = "/PATH".`)
	}
	l.project.Backups = append(l.project.Backups, out)
}

func checkTarget(kind, target string) error {
	switch kind {
	case "azblob":
		u, err := url.Parse(target)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			return errors.New("write the container's URL, as in https://ACCOUNT.blob.core.windows.net/hikae")
		}
		if u.RawQuery != "" {
			return errors.New("leave out what follows '?': a signature is a secret and has no place in the project")
		}
	case "sftp":
		i := strings.Index(target, ":/")
		if i < 0 {
			return errors.New("write USER@HOST:/PATH")
		}
		if _, err := parseSSH(target[:i]); err != nil {
			return err
		}
		return checkPath(path.Clean(target[i+1:]))
	case "dir":
		return checkPath(target)
	}
	return nil
}

// rangeOr is the place of an attribute or, where it is not given, another.
func rangeOr(b *hclsyntax.Block, name string) hcl.Range {
	if a, given := b.Body.Attributes[name]; given {
		return a.NameRange
	}
	return b.DefRange()
}
