package zonefile

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"hikae/engine/lens"
)

// Entry is what the words of a node are.
type Entry struct {
	Node      *lens.Node
	Directive string    // "$TTL" and its like, in capitals; "" of a record
	Owner     lens.Span // empty of a record that has the owner of the one before
	TTL       lens.Span // empty where none is written; so is Class
	Class     lens.Span
	Type      lens.Span
	Data      []lens.Span // of a directive too
}

// TypeName is the type of a record in capitals.
func (e *Entry) TypeName(src []byte) string { return strings.ToUpper(e.Type.Of(src)) }

// directives are what may begin with a $, with how many words may follow.
var directives = map[string]struct{ from, to int }{
	"$ORIGIN": {1, 1}, "$TTL": {1, 1}, "$INCLUDE": {1, 2}, "$DATE": {1, 1}, "$GENERATE": {4, 6},
}

// Read tells what the words of a node are. A node without words is no entry.
func Read(src []byte, n *lens.Node) (Entry, error) {
	e := Entry{Node: n}
	rest := n.Words
	if !Inherits(src, n) {
		if first := rest[0].Of(src); first[0] == '$' {
			return e, e.readDirective(src, strings.ToUpper(first))
		}
		e.Owner, rest = rest[0], rest[1:]
	}
	next := func(ok func(string) bool) (w lens.Span) {
		if len(rest) > 0 && ok(rest[0].Of(src)) {
			w, rest = rest[0], rest[1:]
		}
		return w
	}
	e.Class = next(isClass)
	e.TTL = next(IsTTL)
	if e.Class.Len() == 0 {
		e.Class = next(isClass)
	}
	if len(rest) == 0 {
		return e, lens.ErrorAt(src, n.Whole.End, "the record has no type")
	}
	e.Type, e.Data = rest[0], rest[1:]
	if !IsType(e.Type.Of(src)) {
		return e, lens.ErrorAt(src, e.Type.Start, "%q is no type of a record", e.Type.Of(src))
	}
	words := make([]string, len(e.Data))
	for i, w := range e.Data {
		words[i] = w.Of(src)
	}
	if at, fault := CheckData(e.TypeName(src), words); fault != "" {
		place := n.Whole.End
		if at < len(e.Data) {
			place = e.Data[at].Start
		}
		return e, lens.ErrorAt(src, place, "%s", fault)
	}
	return e, nil
}

// Inherits tells whether an entry begins with blanks: it has the owner of the
// record before it.
func Inherits(src []byte, n *lens.Node) bool {
	return n.Whole.Start > 0 && (src[n.Whole.Start-1] == ' ' || src[n.Whole.Start-1] == '\t')
}

func (e *Entry) readDirective(src []byte, name string) error {
	n := e.Node
	args, ok := directives[name]
	e.Directive, e.Data = name, n.Words[1:]
	switch {
	case !ok:
		return lens.ErrorAt(src, n.Whole.Start, "%q is no directive", n.Name(src))
	case len(e.Data) < args.from:
		return lens.ErrorAt(src, n.Whole.End, "something is missing behind %s", name)
	case len(e.Data) > args.to:
		return lens.ErrorAt(src, e.Data[args.to].Start, "%s has nothing more to it than what comes before %q", name, e.Data[args.to].Of(src))
	case name == "$TTL" && !IsTTL(e.Data[0].Of(src)):
		return lens.ErrorAt(src, e.Data[0].Start, "%q is no time to live", e.Data[0].Of(src))
	case name == "$GENERATE":
		return e.checkGenerated(src)
	}
	return nil
}

// checkGenerated looks at what $GENERATE makes: behind the range and the owner a
// time and a class may come, then a type and its data, as one word.
func (e *Entry) checkGenerated(src []byte) error {
	rest := e.Data[2:]
	for len(rest) > 2 && (isClass(rest[0].Of(src)) || IsTTL(rest[0].Of(src))) {
		rest = rest[1:]
	}
	typ := rest[0].Of(src)
	switch {
	case !IsType(typ):
		return lens.ErrorAt(src, rest[0].Start, "%q is no type of a record", typ)
	case len(rest) < 2:
		return lens.ErrorAt(src, e.Node.Whole.End, "something is missing behind $GENERATE")
	case len(rest) > 2:
		return lens.ErrorAt(src, rest[2].Start, "%q is more than $GENERATE has: its data is one word", rest[2].Of(src))
	}
	data := rest[1].Of(src)
	if data[0] == '"' || strings.ContainsAny(data, `\{`) {
		return nil // how a number is written may be told there
	}
	if _, fault := CheckData(strings.ToUpper(typ), []string{strings.ReplaceAll(data, "$", "1")}); fault != "" {
		return lens.ErrorAt(src, rest[1].Start, "%s", fault)
	}
	return nil
}

// IsTTL tells whether a word is a time: seconds, or numbers with w, d, h, m and
// s behind them.
func IsTTL(word string) bool {
	_, ok := Seconds(word)
	return ok
}

// Seconds is how many seconds a time is: BIND's dns_ttl_fromtext.
func Seconds(word string) (uint32, bool) {
	units := map[byte]uint64{'w': 7 * 86400, 'd': 86400, 'h': 3600, 'm': 60, 's': 1}
	var sum uint64
	for first := true; word != ""; first = false {
		digits := 0
		for digits < len(word) && word[digits] >= '0' && word[digits] <= '9' {
			digits++
		}
		v, err := strconv.ParseUint(word[:digits], 10, 32)
		if err != nil {
			return 0, false
		}
		if digits == len(word) {
			return uint32(v), first
		}
		unit := units[word[digits]|0x20]
		if sum += v * unit; unit == 0 || sum > 1<<32-1 {
			return 0, false
		}
		if word = word[digits+1:]; word == "" {
			return uint32(sum), true
		}
	}
	return 0, false
}

func isClass(word string) bool {
	switch w := strings.ToUpper(word); w {
	case "IN", "CH", "CHAOS", "HS", "HESIOD", "ANY", "NONE", "RESERVED0":
		return true
	default:
		return numbered(w, "CLASS")
	}
}

func numbered(word, prefix string) bool {
	rest, ok := strings.CutPrefix(word, prefix)
	_, err := strconv.ParseUint(rest, 10, 16)
	return ok && err == nil
}

// types are those that BIND knows by name.
var types = func() map[string]bool {
	m := map[string]bool{}
	for t := range strings.FieldsSeq(`A A6 AAAA AFSDB AMTRELAY APL ATMA AVC BRID CAA CDNSKEY CDS CERT CNAME CSYNC DHCID DLV DNAME
		DNSKEY DOA DS DSYNC EID EUI48 EUI64 GID GPOS HHIT HINFO HIP HTTPS IPSECKEY ISDN KEY KEYDATA KX L32 L64 LOC LP MB MD MF MG MINFO
		MR MX NAPTR NID NIMLOC NINFO NS NSAP NSAP-PTR NSEC NSEC3 NSEC3PARAM NULL NXT OPENPGPKEY PTR PX RESINFO RKEY RP RRSIG RT
		SIG SINK SMIMEA SOA SPF SRV SSHFP SVCB TA TALINK TLSA TXT UID UINFO UNSPEC URI WALLET WKS X25 ZONEMD`) {
		m[t] = true
	}
	return m
}()

// IsType tells whether a word is a type that a zone can hold.
func IsType(word string) bool {
	w := strings.ToUpper(word)
	return types[w] || numbered(w, "TYPE")
}

// forms are what the data of the usual types are, a letter each: n a name, 2 a
// number of 16 bits, 4 one of 32, t a time, w any word, + and any number more.
var forms = map[string]string{
	"NS": "n", "CNAME": "n", "PTR": "n", "DNAME": "n", "MB": "n", "MG": "n", "MR": "n", "MD": "n", "MF": "n",
	"MX": "2n", "AFSDB": "2n", "KX": "2n", "RT": "2n", "SRV": "222n", "RP": "nn", "MINFO": "nn", "PX": "2nn",
	"SOA": "nn4tttt", "TXT": "w+", "SPF": "w+", "HINFO": "ww", "NAPTR": "22wwwn", "CAA": "www",
	"SSHFP": "www+", "TLSA": "wwww+", "DS": "2www+", "SVCB": "2n*", "HTTPS": "2n*", "A": "w", "AAAA": "w",
}

// CheckData tells whether words can be the data of a type: what is wrong, and
// with which word. Of types that are not usual nothing is known.
func CheckData(typ string, words []string) (at int, fault string) {
	if len(words) > 0 && words[0] == `\#` && (typ != "TXT" || len(words) > 1 && strings.Trim(words[1], "0123456789") == "") {
		return checkUnknown(words) // in TXT it may also be an escaped #
	}
	form, ok := forms[typ]
	if !ok {
		return 0, ""
	}
	more := false
	if last := form[len(form)-1]; last == '+' || last == '*' {
		more, form = true, form[:len(form)-1]
	}
	for i := range form {
		if i == len(words) {
			return i, "something is missing from the record's data: " + typ + " has more"
		}
		w := words[i]
		bits := map[byte]int{'2': 16, '4': 32}[form[i]]
		switch {
		case bits > 0:
			if _, err := strconv.ParseUint(w, 10, bits); err != nil {
				return i, strconv.Quote(w) + " is no number of " + strconv.Itoa(bits) + " bits"
			}
		case form[i] == 't' && !IsTTL(w):
			return i, strconv.Quote(w) + " is no time"
		case form[i] == 'n' && w[0] == '"':
			return i, w + " is no name"
		}
	}
	switch {
	case len(words) > len(form) && !more:
		return len(form), strconv.Quote(words[len(form)]) + " is more than a record of type " + typ + " has"
	case typ == "A":
		if a, err := netip.ParseAddr(words[0]); err != nil || !a.Is4() {
			return 0, strconv.Quote(words[0]) + " is no address of IPv4"
		}
	case typ == "AAAA":
		if a, err := netip.ParseAddr(words[0]); err != nil || !a.Is6() || a.Zone() != "" {
			return 0, strconv.Quote(words[0]) + " is no address of IPv6"
		}
	}
	return 0, ""
}

// checkUnknown looks at data in the form of any type: \#, how many bytes, and
// these in hexadecimal (RFC 3597).
func checkUnknown(words []string) (at int, fault string) {
	if len(words) == 1 {
		return 1, "\\# has the number of bytes behind it"
	}
	n, err := strconv.ParseUint(words[1], 10, 16)
	if err != nil {
		return 1, strconv.Quote(words[1]) + " is no number of 16 bits"
	}
	if data, err := hex.DecodeString(strings.Join(words[2:], "")); err != nil || len(data) != int(n) {
		return 2, words[1] + " bytes in hexadecimal are to come behind \\#"
	}
	return 0, ""
}
