package repo

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
)

// form is how dnf reads the text of a setting: the Option classes of libdnf's
// libdnf/conf.
type form int

const (
	text   form = iota
	list        // items parted by blanks, commas and line ends
	flag        // 1 yes true on, 0 no false off, in any case
	number      // decimal, whole
)

// setting is one attribute and the keys that it is written with.
type setting struct {
	attr string
	form form
	doc  string
	// alias is another key for the same; where a file has both, dnf adds them
	// up, and the lens leaves them alone.
	alias string
}

// settings are those of dnf.conf(5), "Repo options", that people ask for. The
// key is the attribute's name.
func settings() []setting {
	return []setting{
		{attr: "name", form: text, doc: "What people read of it."},
		{attr: "baseurl", form: list, doc: "URLs of its root."},
		{attr: "mirrorlist", form: text, doc: "URL of a list of such roots."},
		{attr: "metalink", form: text, doc: "URL of a metalink to its repomd.xml."},
		{attr: "enabled", form: flag, doc: "Whether dnf uses it; true where nothing is said."},
		{attr: "gpgcheck", form: flag, doc: "Whether the signatures of its packages are checked."},
		{attr: "repo_gpgcheck", form: flag, doc: "Whether the signature of its metadata is checked."},
		{attr: "gpgkey", form: list, doc: "URLs of the keys that may have signed its packages."},
		{attr: "module_hotfixes", form: flag, doc: "Whether its packages count whatever module streams say."},
		{attr: "excludepkgs", form: list, doc: "Patterns of packages that are not taken from it.", alias: "exclude"},
		{attr: "includepkgs", form: list, doc: "Patterns of the only packages that are taken from it."},
		{attr: "cost", form: number, doc: "Of repositories that have a package, that of the lowest cost is asked first; 1000 where nothing is said."},
		{attr: "priority", form: number, doc: "Packages of the repository with the lowest number hide those of others; 99 where nothing is said."},
		{attr: "skip_if_unavailable", form: flag, doc: "Whether dnf goes on without it when it cannot be reached."},
		{attr: "metadata_expire", form: text, doc: "How long its metadata is taken as fresh: seconds, or with m, h or d."},
		{attr: "sslverify", form: flag, doc: "Whether the server's certificate is checked."},
		{attr: "sslcacert", form: text, doc: "The file of the certificates that the server's is checked with."},
		{attr: "sslclientcert", form: text, doc: "The file of the certificate to show to the server."},
		{attr: "sslclientkey", form: text, doc: "The file of that certificate's key."},
	}
}

func (f form) typ() cty.Type {
	switch f {
	case list:
		return cty.List(cty.String)
	case flag:
		return cty.Bool
	case number:
		return cty.Number
	}
	return cty.String
}

// entry finds the setting that counts in a repository. It reports false where
// the lens does not understand what is written.
func (r *repository) entry(s setting) (*lens.Node, bool) {
	src := r.file.Source()
	n := ini.Last(src, r.sections, s.attr)
	if s.alias == "" {
		return n, true
	}
	a := ini.Last(src, r.sections, s.alias)
	if n != nil && a != nil {
		return nil, false
	}
	if n == nil {
		n = a
	}
	return n, true
}

// value reads a value as it is written. It reports false where dnf, or the lens, does not
// understand it.
func (s setting) value(text string) (cty.Value, bool) {
	written := ini.Value(text)
	if !utf8.ValidString(written) {
		return cty.NilVal, false
	}
	switch s.form {
	case list:
		return lensput.Strings(ini.Items(text)), true
	case flag:
		for _, f := range flagWords {
			switch strings.ToLower(written) {
			case f.on:
				return cty.True, true
			case f.off:
				return cty.False, true
			}
		}
		return cty.NilVal, false
	case number:
		n, err := strconv.ParseInt(written, 10, 32)
		if err != nil {
			return cty.NilVal, false
		}
		return cty.NumberIntVal(n), true
	}
	return cty.StringVal(written), true
}

// flagWords are the pairs of words for a flag; the first is the usual one.
var flagWords = []struct{ on, off string }{{"1", "0"}, {"yes", "no"}, {"true", "false"}, {"on", "off"}}

// flagText writes a flag in the way that it was written before.
func flagText(before string, on bool) string {
	word := func(on bool, pair struct{ on, off string }) string {
		if on {
			return pair.on
		}
		return pair.off
	}
	for _, pair := range flagWords {
		if lower := strings.ToLower(before); lower == pair.on || lower == pair.off {
			w := word(on, pair)
			switch before {
			case lower:
				return w
			case strings.ToUpper(before):
				return strings.ToUpper(w)
			}
			return strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return word(on, flagWords[0])
}
