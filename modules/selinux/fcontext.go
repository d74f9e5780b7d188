package selinux

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

const (
	fcontextsFile = "file_contexts.local"
	attrUser      = "user"
)

// fileTypes are the marks of file_contexts(5) and semanage's letters for them.
// A line without a mark is for all files.
var fileTypes = map[string]string{"": "a", "--": "f", "-d": "d", "-c": "c", "-b": "b", "-s": "s", "-l": "l", "-p": "p"}

func fcontextKind() *kind {
	return &kind{
		schema: engine.Schema{
			Kind:  FcontextKind,
			Doc:   "A rule of this host for the labels of files, by their paths.",
			Label: "a regular expression for whole paths, as in /srv/www(/.*)?; where it is for one type of file only, that type's mark after a space: -- for files, -d for directories, -l -s -p -b -c",
			Stage: engine.StageSystem,
			Attrs: []engine.Attr{
				{Name: attrType, Type: cty.String, Doc: "The type, httpd_sys_content_t; \"<<none>>\": they are left as they are."},
				{Name: attrUser, Type: cty.String, Default: cty.StringVal("system_u"), Doc: "The SELinux user."},
				{Name: attrLevel, Type: cty.String, Default: cty.StringVal("s0"), Doc: "The MLS or MCS level."},
			},
		},
		read: func(st *store, _ engine.Scope, emit func(engine.Resource) error) ([]string, error) {
			rules, notes, err := st.fcontexts(fcontextsFile)
			if err != nil {
				return notes, err
			}
			for _, name := range slices.Sorted(maps.Keys(rules)) {
				c := rules[name]
				err := emit(engine.Resource{
					Addr: engine.Addr{Kind: FcontextKind, Name: name},
					Value: cty.ObjectVal(map[string]cty.Value{
						attrType: cty.StringVal(c.typ), attrUser: optional(c.user), attrLevel: optional(c.level),
					}),
				})
				if err != nil {
					return notes, err
				}
			}
			return notes, nil
		},
		plan: planFcontexts,
	}
}

// fcontexts reads rules for labels: EXPRESSION [MARK] CONTEXT (file_contexts(5)).
// Of two for the same, the last holds.
func (st *store) fcontexts(file string) (map[string]secontext, []string, error) {
	rules := map[string]secontext{}
	notes, err := st.lines(file, func(field []string) error {
		if len(field) != 2 && len(field) != 3 {
			return errors.New("want an expression, perhaps a type of file, and a context")
		}
		name := strings.Join(field[:len(field)-1], " ")
		if _, _, err := parseFcontext(name); err != nil {
			return err
		}
		c, err := parseContext(field[len(field)-1])
		if err == nil {
			rules[name] = c
		}
		return err
	})
	return rules, notes, err
}

// parseFcontext parts a resource's name into expression and mark.
func parseFcontext(name string) (expr, mark string, err error) {
	expr, mark, _ = strings.Cut(name, " ")
	if _, known := fileTypes[mark]; !known {
		return "", "", fmt.Errorf("%q is no type of file: want --, -d, -l, -s, -p, -b or -c", mark)
	}
	if expr == "" || expr[0] == '-' || name != strings.TrimSpace(name) {
		return "", "", fmt.Errorf("%q: want a regular expression for whole paths", name)
	}
	for _, c := range expr {
		if c <= ' ' || c == 0x7f || strings.ContainsRune("\u0085\u00a0\u2028\u2029'\"", c) {
			return "", "", fmt.Errorf("%q: semanage takes no spaces and no quotes in an expression: write . for them", expr)
		}
	}
	return expr, mark, nil
}

func planFcontexts(_ context.Context, b *batch, cs []engine.Change) error {
	have, _, err := b.store.fcontexts(fcontextsFile)
	if err != nil {
		return err
	}
	// What the policy has itself is modified and not added, as its ports are.
	for _, file := range []string{"file_contexts", "file_contexts.homedirs"} {
		of, _, err := b.store.fcontexts(file)
		if err != nil {
			return err
		}
		maps.Copy(have, of)
	}
	for _, c := range cs {
		expr, mark, err := parseFcontext(c.Addr.Name)
		if err != nil {
			return refused(c.Addr, "%w", err)
		}
		if c.Action == engine.Delete {
			b.add("fcontext -d -f %s '%s'", fileTypes[mark], expr)
			continue
		}
		options, err := fcontextOptions(c.After)
		if err != nil {
			return refused(c.Addr, "%w", err)
		}
		verb := "-a"
		if _, there := have[c.Addr.Name]; there {
			verb = "-m"
		}
		b.add("fcontext %s -f %s%s '%s'", verb, fileTypes[mark], options, expr)
	}
	return nil
}

func fcontextOptions(r *engine.Resource) (string, error) {
	typ, user, level := text(r, attrType), text(r, attrUser), text(r, attrLevel)
	if typ == noContext {
		return " -t " + noContext, nil
	}
	options := " -t " + typ + levelOption(level)
	if user != "" {
		options += " -s " + user
		if err := checkWord("user", user); err != nil {
			return "", err
		}
	}
	return options, errors.Join(checkWord("type", typ), checkLevel(level))
}
