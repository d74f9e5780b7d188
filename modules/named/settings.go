package named

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// form is how named reads a statement.
type form int

const (
	flag   form = iota // yes, no, true, false, 1, 0
	number             // of 32 bits
	text               // a quoted string
	mixed              // a quoted string or a keyword
	name               // a word, quoted or not
	word               // a keyword, a number, or both in one
	time               // seconds, 1h30m, or PT1H30M
	size               // bytes, with k, m or g, a percentage, or a keyword
	list               // a block of elements; words may stand before it
	free               // words that hikae leaves alone
	other              // anything
)

func (f form) typ() cty.Type {
	switch f {
	case flag:
		return cty.Bool
	case number:
		return cty.Number
	case list:
		return cty.List(cty.String)
	}
	return cty.String
}

// place is a set of the blocks that a statement may stand in.
type place int

const (
	inOptions place = 1 << iota
	inView
	inZone
	inGlobal = inOptions | inView
	anywhere = inOptions | inView | inZone
)

// setting is a statement of options, a view or a zone: named.conf(5). What has no
// doc is no attribute: only its form is known.
type setting struct {
	name  string
	form  form
	in    place
	doc   string
	multi bool // it may come several times; the first is shown
	alias string
}

func (s *setting) attr() string { return strings.ReplaceAll(s.name, "-", "_") }

// settings are those that have attributes, in the order of the reference.
var settings = []*setting{
	{name: "directory", form: text, in: inOptions, doc: "The directory that relative paths of the configuration are below: /var/named on EL."},
	{name: "type", form: word, in: inZone, doc: `What the zone is here: "primary", "secondary", "hint", "forward", "stub", "static-stub", "mirror", "redirect". The older words "master" and "slave" mean the first two; the file keeps those that it has.`},
	{name: "file", form: text, in: inZone, doc: "The zone file, below the directory of the options."},
	{name: "in-view", form: name, in: inZone, doc: "The view that has this zone: both answer from the same."},
	{name: "primaries", alias: "masters", form: list, in: inZone, doc: `The servers that a secondary fetches the zone from: addresses, with "port N" or "key NAME" behind them, or names of lists. Written masters where the file has the older word.`},
	{name: "match-clients", form: list, in: inView, doc: "Whom the view answers: addresses, networks, names of acls and keys; the first that matches counts, and ! excludes."},
	{name: "match-destinations", form: list, in: inView, doc: "At which of the server's own addresses the view answers."},
	{name: "match-recursive-only", form: flag, in: inView, doc: "Whether the view answers only queries that ask for recursion."},
	{name: "listen-on", form: list, in: inOptions, multi: true, doc: "The server's own IPv4 addresses, and networks of them, at which it answers."},
	{name: "listen-on-v6", form: list, in: inOptions, multi: true, doc: "The server's own IPv6 addresses, and networks of them, at which it answers."},
	{name: "port", form: number, in: inOptions, doc: "The UDP and TCP port at which it answers; 53 where nothing is said."},
	{name: "recursion", form: flag, in: inGlobal, doc: "Whether it asks other servers for clients."},
	{name: "allow-query", form: list, in: anywhere, doc: "Who may ask."},
	{name: "allow-query-on", form: list, in: anywhere, doc: "At which of the server's own addresses one may ask."},
	{name: "allow-query-cache", form: list, in: inGlobal, doc: "Who gets answers from the cache."},
	{name: "allow-recursion", form: list, in: inGlobal, doc: "For whom it asks other servers."},
	{name: "allow-transfer", form: list, in: anywhere, doc: "Who may fetch whole zones."},
	{name: "allow-notify", form: list, in: anywhere, doc: "Who, beside its primaries, may say that a zone has changed."},
	{name: "allow-update", form: list, in: anywhere, doc: "Who may change a zone's records by dynamic updates; the zone file is then the server's own."},
	{name: "allow-update-forwarding", form: list, in: anywhere, doc: "Whose dynamic updates a secondary passes on to its primary."},
	{name: "blackhole", form: list, in: inOptions, doc: "Whom it neither answers nor asks."},
	{name: "notify", form: word, in: anywhere, doc: `Whether secondaries are told of changes: "yes", "no", "explicit" (only those of also_notify) or "primary-only".`},
	{name: "also-notify", form: list, in: anywhere, doc: "Servers that are told of changes beside those that the zone's NS records name."},
	{name: "notify-source", form: free, in: anywhere, doc: "The IPv4 address, or *, from which it tells of changes."},
	{name: "notify-source-v6", form: free, in: anywhere, doc: "The IPv6 address, or *, from which it tells of changes."},
	{name: "transfer-source", form: free, in: anywhere, doc: "The IPv4 address, or *, from which it fetches zones."},
	{name: "transfer-source-v6", form: free, in: anywhere, doc: "The IPv6 address, or *, from which it fetches zones."},
	{name: "query-source", form: free, in: inGlobal, doc: `The IPv4 address, or *, from which it asks: "address 192.0.2.1 port *".`},
	{name: "query-source-v6", form: free, in: inGlobal, doc: "The IPv6 address, or *, from which it asks."},
	{name: "forward", form: word, in: anywhere, doc: `"first" asks the forwarders and then the world, "only" nobody else.`},
	{name: "forwarders", form: list, in: anywhere, doc: "Servers that are asked in place of the world's: addresses."},
	{name: "dnssec-validation", form: word, in: inGlobal, doc: `Whether answers' signatures are checked: "auto" with the root's built-in key, "yes" with those that are configured, or "no".`},
	{name: "dnssec-policy", form: name, in: anywhere, doc: `The policy by which zones are signed, or "none".`},
	{name: "inline-signing", form: flag, in: inZone, doc: "Whether the zone is signed beside its file, which stays unsigned."},
	{name: "key-directory", form: text, in: anywhere, doc: "Where the keys of zones are."},
	{name: "check-names", form: word, in: inZone, doc: `What comes of owner names that no host could have: "fail", "warn" or "ignore".`},
	{name: "masterfile-format", form: word, in: anywhere, doc: `How zone files are written: "text" or "raw". Only records of text are shown.`},
	{name: "journal", form: text, in: inZone, doc: "The file of the dynamic updates; the zone file with .jnl behind it where nothing is said."},
	{name: "zone-statistics", form: word, in: anywhere, doc: `How much is counted for a zone: "full", "terse" or "none".`},
	{name: "max-cache-size", form: size, in: inGlobal, doc: `How much memory the cache may take: bytes, with k, m or g, a percentage such as "90%", "default" or "unlimited".`},
	{name: "max-cache-ttl", form: time, in: inGlobal, doc: "How long an answer is kept at most."},
	{name: "max-ncache-ttl", form: time, in: inGlobal, doc: "How long it is kept at most that a name does not exist."},
	{name: "min-cache-ttl", form: time, in: inGlobal, doc: "How long an answer is kept at least."},
	{name: "max-journal-size", form: size, in: anywhere, doc: "How large a journal grows."},
	{name: "minimal-responses", form: word, in: inGlobal, doc: `Whether answers leave out what is not needed: "yes", "no", "no-auth" or "no-auth-recursive".`},
	{name: "empty-zones-enable", form: flag, in: inGlobal, doc: "Whether names of private networks' addresses are answered here and not asked in the world."},
	{name: "prefetch", form: free, in: inGlobal, doc: "From how many seconds before its end an answer in use is fetched again, and of what length at least."},
	{name: "stale-answer-enable", form: flag, in: inGlobal, doc: "Whether answers past their time are given when nobody else answers."},
	{name: "recursive-clients", form: number, in: inOptions, doc: "For how many queries at a time it asks other servers."},
	{name: "tcp-clients", form: number, in: inOptions, doc: "How many connections over TCP it takes at a time."},
	{name: "edns-udp-size", form: number, in: inGlobal, doc: "The size, in bytes, of answers over UDP that it asks for."},
	{name: "max-udp-size", form: number, in: inGlobal, doc: "The size, in bytes, of the answers over UDP that it gives."},
	{name: "transfers-in", form: number, in: inOptions, doc: "How many zones it fetches at a time."},
	{name: "transfers-out", form: number, in: inOptions, doc: "How many zones it gives at a time."},
	{name: "transfers-per-ns", form: number, in: inOptions, doc: "How many zones it fetches at a time from one server."},
	{name: "transfer-format", form: word, in: inGlobal, doc: `How zones are given: "many-answers" or "one-answer" a message.`},
	{name: "querylog", form: flag, in: inOptions, doc: "Whether each query is logged."},
	{name: "version", form: mixed, in: inOptions, doc: `What it says of its version: a text, or "none".`},
	{name: "hostname", form: mixed, in: inOptions, doc: `What it says of its name: a text, or "none".`},
	{name: "server-id", form: mixed, in: inOptions, doc: `What it says of which server it is: a text, "hostname" or "none".`},
	{name: "dump-file", form: text, in: inOptions, doc: "Where rndc dumpdb writes the cache."},
	{name: "statistics-file", form: text, in: inOptions, doc: "Where rndc stats writes."},
	{name: "memstatistics-file", form: text, in: inOptions, doc: "Where it writes at its end how much memory it took."},
	{name: "secroots-file", form: text, in: inOptions, doc: "Where rndc secroots writes the keys that it trusts."},
	{name: "recursing-file", form: text, in: inOptions, doc: "Where rndc recursing writes what it is asking others."},
	{name: "managed-keys-directory", form: text, in: inOptions, doc: "Where the keys are that it keeps up to date itself."},
	{name: "bindkeys-file", form: text, in: inOptions, doc: "The file of the keys that are trusted from the start."},
	{name: "session-keyfile", form: mixed, in: inOptions, doc: `Where the key is written that nsupdate -l takes, or "none".`},
	{name: "pid-file", form: mixed, in: inOptions, doc: `Where its process id is written, or "none".`},
}

// forms are the forms of further statements, by name.
var forms = map[form]string{
	flag: `allow-new-zones answer-cookie automatic-interface-scan check-integrity check-sibling check-wildcard
		delegation-only dnssec-accept-expired dnssec-dnskey-kskonly dnssec-enable dnssec-secure-to-insecure flush-zones-on-shutdown
		glue-cache ipv4only-enable match-mapped-addresses memstatistics message-compression minimal-any multi-master
		notify-to-soa provide-ixfr request-expire request-ixfr request-nsid require-server-cookie reuseport
		root-key-sentinel send-cookie stale-cache-enable synth-from-dnssec trust-anchor-telemetry try-tcp-refresh update-check-ksk
		use-alt-transfer-source zero-no-soa-ttl zero-no-soa-ttl-cache`,
	number: `clients-per-query dnskey-sig-validity dnssec-loadkeys-interval heartbeat-interval
		http-listener-clients http-port http-streams-per-connection https-port max-clients-per-query max-query-count max-query-restarts
		max-records max-records-per-type max-recursion-depth max-recursion-queries max-refresh-time max-retry-time
		max-rsa-exponent-size max-transfer-idle-in max-transfer-idle-out max-transfer-time-in max-transfer-time-out
		max-types-per-name min-refresh-time min-retry-time nocookie-udp-size notify-delay notify-rate
		reserved-sockets resolver-query-timeout serial-query-rate sig-signing-nodes sig-signing-signatures sig-signing-type
		startup-notify-rate tcp-advertised-timeout tcp-idle-timeout tcp-initial-timeout tcp-keepalive-timeout
		tcp-listen-queue tcp-receive-buffer tcp-send-buffer tls-port transfer-message-size udp-receive-buffer udp-send-buffer update-quota v6-bias`,
	text: `new-zones-directory tkey-gssapi-keytab`,
	word: `auth-nxdomain auto-dnssec check-dup-records check-mx check-mx-cname check-spf check-srv-cname cookie-algorithm coresize datasize dialup
		dnssec-update-mode files ixfr-from-differences lame-ttl interface-interval masterfile-style max-ixfr-ratio max-stale-ttl
		max-zone-ttl min-ncache-ttl nta-lifetime nta-recheck qname-minimization serial-update-method servfail-ttl
		stacksize stale-answer-client-timeout stale-answer-ttl stale-refresh-time`,
	list: `allow-query-cache-on allow-recursion-on keep-response-order no-case-compress server-addresses server-names sortlist
		rrset-order validate-except avoid-v4-udp-ports avoid-v6-udp-ports use-v4-udp-ports use-v6-udp-ports rate-limit dual-stack-servers`,
}

// known finds the setting that a statement of a name is, in a place.
func known(statement string, in place) *setting {
	for _, s := range byName[statement] {
		if s.in&in != 0 {
			return s
		}
	}
	return nil
}

var byName = func() map[string][]*setting {
	m := map[string][]*setting{}
	for _, s := range settings {
		m[s.name] = append(m[s.name], s)
		if s.alias != "" {
			m[s.alias] = append(m[s.alias], s)
		}
	}
	for f, names := range forms {
		for n := range strings.FieldsSeq(names) {
			m[n] = append(m[n], &setting{name: n, form: f, in: anywhere})
		}
	}
	return m
}()

// of are the settings that a place has attributes for.
func of(in place) []*setting {
	var found []*setting
	for _, s := range settings {
		if s.in&in != 0 {
			found = append(found, s)
		}
	}
	return found
}
