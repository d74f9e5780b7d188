package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// HeadSize is how many bytes of a file Secret wants to see: all of any
// configuration file but the odd giant.
const HeadSize = 64 << 10

// secretLogic is the version of what Secret does with its lists: raise it with
// each change of its code after which it might decide otherwise.
const secretLogic = 1

// SecretVersion names the rules by which Secret decides, for hosts remember its
// decisions: other rules have another name.
var SecretVersion = sync.OnceValue(func() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %q %q %v %v %v %v", secretLogic, privateMarks, words, hash, plainValue, assignments, secretLists())
	return "secret " + hex.EncodeToString(h.Sum(nil)[:8])
})

// Secret reports whether a file has to be sealed: stored encrypted, compared
// by a keyed hash, never shown. mode are its permissions, head its first
// HeadSize bytes; an empty head leaves the decision to path and mode.
//
// The rule, in this order:
//
//  1. What its bytes give away is a secret, wherever it lies: a private key, a
//     password hash, a password or key that is assigned a value outside a
//     comment. So named.conf with a key in it is sealed, and without is not.
//  2. A file that is known to be harmless is not a secret: public keys by
//     names such as *.key, crontabs, sshd_config, for all that their mode is.
//  3. A file whose name says that it is a secret is one.
//  4. A file that nobody but its owner may read (mode & 077 == 0) is one.
//
// It errs towards sealing: a sealed file still travels, only its difference
// cannot be shown.
func Secret(path string, mode uint32, head []byte) bool {
	if len(head) > HeadSize {
		head = head[:HeadSize]
	}
	if holdsSecret(head) {
		return true
	}
	if _, ok := harmlessPaths().Match(path); ok {
		return false
	}
	if isPublicPEM(head) {
		return false
	}
	if _, ok := secretPaths().Match(path); ok {
		return true
	}
	return mode&0o077 == 0
}

// isPublicPEM reports whether a file is PEM and, holdsSecret having been asked
// before, holds public parts only.
func isPublicPEM(head []byte) bool {
	return bytes.HasPrefix(head, []byte("-----BEGIN CERTIFICATE-----")) ||
		bytes.HasPrefix(head, []byte("-----BEGIN PUBLIC KEY-----")) ||
		bytes.HasPrefix(head, []byte("-----BEGIN TRUSTED CERTIFICATE-----")) ||
		bytes.HasPrefix(head, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----"))
}

// privateMarks stand in private keys and nowhere else.
var privateMarks = [][]byte{
	[]byte("PRIVATE KEY-----"),
	[]byte("PRIVATE KEY BLOCK-----"),
	[]byte("AGE-SECRET-KEY-1"),
	[]byte("PuTTY-User-Key-File-"),
	[]byte("Private-key-format:"), // BIND's K*.private
}

// assignment finds a password or a key that is given a value on a line.
// The value must not be empty, a switch, a path or a variable.
var assignments = []string{
	// key = value and key: value, as ini, my.cnf, php.ini, YAML and shell have it
	`(?i)^\s*(?:export\s+|set\s+)?[\w.\-]*(?:password|passwort|passphrase|passwd|secret|secretkey|secret_key|api_?key|apikey|auth_?token|access_?key|credentials?|psk|pass|_pw|token)\s*=>?\s*(\S.*)$`,
	`(?i)^\s*-?\s*[\w.\-]*(?:password|passphrase|secret|api_?key|auth_?token|access_?key|token)\s*:\s+(\S.*)$`,
	// 'dbpassword' => 'x', define('DB_PASSWORD', 'x'), "password": "x"
	`(?i)["'][\w.\-]*(?:password|passwd|secret|salt|api_?key|token|_key)["']\s*(?:=>|,|:)\s*["']([^"']+)["']`,
	// secret "x"; of named and dhcpd; secret x; of dhcpd
	`(?i)(?:^|[\s{;])secret\s+"?([A-Za-z0-9+/=]{8,})"?\s*;`,
	// requirepass x of redis; password "x" of fetchmail and netrc; bindpw x
	`(?i)^\s*(?:requirepass|masterauth|bindpw|rootpw|AuthDBDParamsPW|AuthLDAPBindPassword)\s+(\S+)`,
	`(?i)\b(?:password|passwd)\s+["']([^"']+)["']`,
	// password=x within a connection string
	`(?i)[\s;,'"&?](?:password|passwd|pwd)=([^\s;,'"&]+)`,
	// ldapbindpasswd=x and radiussecrets="x" of pg_hba.conf
	`(?i)\s(?:ldapbindpasswd|radiussecrets)="?([^\s"]+)`,
	// user ann on >password, of redis
	`(?i)^user\s+\S+\s(?:.*\s)?>(\S+)`,
	// scheme://user:password@host
	`[A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@"']*:([^\s/@"']+)@`,
}

// hash finds a password hash of crypt(3), htpasswd, dovecot or LDAP.
const hash = `\$(?:1|5|6|7|y|gy|apr1|2[abxy]|sha1|argon2id?)\$[./A-Za-z0-9$,=+\-]{8,}|\{(?:S?SHA(?:256|512)?|SMD5|CRYPT|PLAIN|CLEARTEXT|SHA512-CRYPT|SHA256-CRYPT|BLF-CRYPT|MD5-CRYPT|ARGON2ID?|CRAM-MD5|SCRAM-SHA-\d+)(?:\.[A-Z0-9]+)?\}[^\s,"']{4,}`

// plainValue is a value that gives nothing away: a switch, a path, a variable, a
// reference to a map, a placeholder that shell or PHP fills in.
const plainValue = `(?i)^["']?(?:yes|no|true|false|on|off|none|null|nil|0|1|ask|required|optional|sufficient|[a-z]+:)?["']?\s*[,;]?\s*(?:[#;].*)?$|^["']?(?:/|\$|%|~/|<|\{\{|(?:hash|lmdb|cdb|btree|texthash|proxy|ldap|mysql|pgsql|file|env):)`

// expressions are those above and spoken, once a file or a text is looked at:
// mostly what a host decided before is all that is asked for.
var expressions = sync.OnceValue(func() (c struct {
	hash, plainValue, spoken *regexp.Regexp
	assignments              []*regexp.Regexp
},
) {
	c.hash, c.plainValue, c.spoken = regexp.MustCompile(hash), regexp.MustCompile(plainValue), regexp.MustCompile(spoken)
	for _, expr := range assignments {
		c.assignments = append(c.assignments, regexp.MustCompile(expr))
	}
	return c
})

// holdsSecret looks at lines that are not comments.
func holdsSecret(head []byte) bool {
	for _, m := range privateMarks {
		if bytes.Contains(head, m) {
			return true
		}
	}
	if !mayHold(head) {
		return false
	}
	res := expressions()
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\n"))
		line = bytes.TrimSpace(line)
		if isComment(line) || !mayHold(line) {
			continue
		}
		if res.hash.Match(line) {
			return true
		}
		for _, re := range res.assignments {
			if m := re.FindSubmatch(line); m != nil && !res.plainValue.Match(bytes.TrimSpace(m[1])) {
				return true
			}
		}
	}
	return false
}

func isComment(line []byte) bool {
	return len(line) == 0 || line[0] == '#' || line[0] == ';' || bytes.HasPrefix(line, []byte("//")) ||
		bytes.HasPrefix(line, []byte("/*")) || bytes.HasPrefix(line, []byte("* "))
}

// words is what every line that assignments or hash could match has in it, in
// lower case: regular expressions are slow, and most lines have none.
var words = [][]byte{
	[]byte("pass"), []byte("pw"), []byte("secret"), []byte("key"), []byte("token"), []byte("credential"),
	[]byte("salt"), []byte(" >"), []byte("psk"), []byte("masterauth"), []byte("://"), []byte("$"), []byte("}"),
}

// mayHold reports whether a line, or one of several, may be such a one.
func mayHold(text []byte) bool {
	low := bytes.ToLower(text)
	for _, w := range words {
		if bytes.Contains(low, w) {
			return true
		}
	}
	return false
}

// Redact replaces the lines of a text, such as a daemon's log, that show a
// secret or might: those that Secret would find in a file, comments included.
func Redact(text string) string {
	lines := strings.Split(text, "\n")
	inKey := false
	for i, l := range lines {
		switch {
		case strings.Contains(l, "PRIVATE KEY"):
			inKey = !strings.Contains(l, "-----END")
			lines[i] = redacted
		case inKey:
			lines[i] = redacted
		case expressions().spoken.MatchString(l), holdsSecret([]byte(strings.TrimLeft(l, "#;/* \t"))):
			lines[i] = redacted
		}
	}
	return strings.Join(lines, "\n")
}

// spoken finds a secret within a sentence: in a log it costs little to hide a
// line too many.
const spoken = `(?i)(?:pass(?:word|wd|phrase)?|secret|token|api.?key|credential)s?["']?\s*[:=]\s*\S`

const redacted = "(a line that may show a secret)"
