package redis

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"hikae/engine"
	"hikae/engine/lens/redis"
	"hikae/modules/internal/lensput"
)

// form is how redis reads what stands behind a directive's name: the kinds of
// its config.c.
type form int

const (
	line   form = iota // of which hikae knows no more: the words as they are written
	lines              // the same, where the directive may stand several times and all of them count
	word               // one word
	words              // several, each an item
	flag               // yes or no
	number             // whole, in decimal
	size               // bytes, with a unit
)

func split(names string) []string { return strings.Fields(names) }

// forms are those of redis 5 to 7. The names are today's.
var forms = func() map[string]form {
	m := map[string]form{}
	for f, names := range map[form]string{
		lines: `save rename-command include loadmodule client-output-buffer-limit user`,
		words: `bind oom-score-adj-values latency-tracking-info-percentiles`,
		line:  `replicaof`,
		flag: `activedefrag activerehashing always-show-logo aof-load-truncated aof-rewrite-incremental-fsync
			aof-timestamp-enabled aof-use-rdb-preamble appendonly cluster-allow-pubsubshard-when-down
			cluster-allow-reads-when-down cluster-allow-replica-migration cluster-enabled cluster-replica-no-failover
			cluster-require-full-coverage crash-log-enabled crash-memcheck-enabled daemonize disable-thp dynamic-hz
			gopher-enabled hide-user-data-from-log io-threads-do-reads jemalloc-bg-thread latency-tracking
			lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del
			lazyfree-lazy-user-flush no-appendfsync-on-rewrite protected-mode rdb-del-sync-files rdb-save-incremental-fsync
			rdbchecksum rdbcompression repl-disable-tcp-nodelay repl-diskless-sync replica-announced replica-ignore-maxmemory
			replica-lazy-flush replica-read-only replica-serve-stale-data set-proc-title stop-writes-on-bgsave-error
			syslog-enabled tls-cluster tls-prefer-server-ciphers tls-replication tls-session-caching use-exit-on-panic`,
		number: `acllog-max-len active-defrag-cycle-max active-defrag-cycle-min active-defrag-max-scan-fields
			active-defrag-threshold-lower active-defrag-threshold-upper active-expire-effort auto-aof-rewrite-percentage
			busy-reply-threshold cluster-announce-bus-port cluster-announce-port cluster-announce-tls-port
			cluster-migration-barrier cluster-node-timeout cluster-ping-interval cluster-port cluster-replica-validity-factor
			databases hash-max-listpack-entries hz io-threads latency-monitor-threshold lfu-decay-time lfu-log-factor
			list-compress-depth list-max-listpack-size maxclients maxmemory-eviction-tenacity maxmemory-samples
			min-replicas-max-lag min-replicas-to-write port rdb-key-save-delay repl-backlog-ttl repl-diskless-sync-delay
			repl-diskless-sync-max-replicas repl-ping-replica-period repl-timeout replica-announce-port replica-priority
			set-max-intset-entries set-max-listpack-entries shutdown-timeout slowlog-log-slower-than slowlog-max-len
			socket-mark-id stream-node-max-entries tcp-backlog tcp-keepalive timeout tls-port tls-session-cache-size
			tls-session-cache-timeout tracking-table-max-keys zset-max-listpack-entries`,
		size: `active-defrag-ignore-bytes auto-aof-rewrite-min-size client-query-buffer-limit cluster-link-sendbuf-limit
			hash-max-listpack-value hll-sparse-max-bytes loading-process-events-interval-bytes maxmemory maxmemory-clients
			proto-max-bulk-len repl-backlog-size set-max-listpack-value stream-node-max-bytes zset-max-listpack-value`,
		word: `acl-pubsub-default aclfile aof-rewrite-cpulist aof_rewrite_cpulist appenddirname appendfilename appendfsync
			bgsave_cpulist bio_cpulist bind-source-addr cluster-announce-hostname cluster-announce-human-nodename
			cluster-announce-ip cluster-config-file cluster-preferred-endpoint-type dbfilename dir enable-debug-command
			enable-module-command enable-protected-configs ignore-warnings locale-collate logfile
			loglevel masteruser maxmemory-policy notify-keyspace-events oom-score-adj pidfile proc-title-template
			propagation-error-behavior repl-diskless-load replica-announce-ip sanitize-dump-payload server_cpulist
			shutdown-on-sigint shutdown-on-sigterm supervised syslog-facility syslog-ident tls-auth-clients
			tls-ca-cert-dir tls-ca-cert-file tls-cert-file tls-ciphers tls-ciphersuites tls-client-cert-file
			tls-client-key-file tls-dh-params-file tls-key-file tls-protocols unixsocket unixsocketperm`,
	} {
		for _, name := range split(names) {
			m[name] = f
		}
	}
	return m
}()

// aliases are the names that redis still takes for another.
var aliases = map[string]string{
	"slaveof": "replicaof", "primaryauth": "masterauth",
	"hash-max-ziplist-entries": "hash-max-listpack-entries", "hash-max-ziplist-value": "hash-max-listpack-value",
	"zset-max-ziplist-entries": "zset-max-listpack-entries", "zset-max-ziplist-value": "zset-max-listpack-value",
	"list-max-ziplist-size": "list-max-listpack-size", "lua-time-limit": "busy-reply-threshold",
	"min-slaves-to-write": "min-replicas-to-write", "min-slaves-max-lag": "min-replicas-max-lag",
	"repl-ping-slave-period": "repl-ping-replica-period", "cluster-slave-validity-factor": "cluster-replica-validity-factor",
	"cluster-slave-no-failover": "cluster-replica-no-failover", "slave-announce-ip": "replica-announce-ip",
	"slave-announce-port": "replica-announce-port", "slave-ignore-maxmemory": "replica-ignore-maxmemory",
	"slave-lazy-flush": "replica-lazy-flush", "slave-priority": "replica-priority",
	"slave-read-only": "replica-read-only", "slave-serve-stale-data": "replica-serve-stale-data",
}

// written is an alias that redis 5, EL 8's, knows, of a name that is newer.
var older = map[string]string{
	"hash-max-listpack-entries": "hash-max-ziplist-entries", "hash-max-listpack-value": "hash-max-ziplist-value",
	"zset-max-listpack-entries": "zset-max-ziplist-entries", "zset-max-listpack-value": "zset-max-ziplist-value",
	"list-max-listpack-size": "list-max-ziplist-size", "busy-reply-threshold": "lua-time-limit",
}

// secrets are never shown, nor taken from a project's text.
var secrets = map[string]bool{"requirepass": true, "masterauth": true, "user": true, "tls-key-file-pass": true, "tls-client-key-file-pass": true}

// canonical is a directive's name as the lens shows it.
func canonical(name string) string {
	name = strings.ToLower(name)
	if today, ok := aliases[name]; ok {
		return today
	}
	return name
}

// value is what lines of a directive amount to; false where cty cannot hold it.
func value(name string, all [][]string) (cty.Value, bool) {
	last := all[len(all)-1]
	f, known := forms[name]
	if !known && len(all) > 1 {
		f = lines
	}
	var v cty.Value
	switch {
	case f == lines:
		var items []cty.Value
		for _, args := range all {
			items = append(items, cty.StringVal(text(args)))
		}
		v = cty.ListVal(items)
	case f == words && len(last) > 0:
		v = lensput.Strings(last)
	case f == flag && len(last) == 1 && (strings.EqualFold(last[0], "yes") || strings.EqualFold(last[0], "no")):
		return cty.BoolVal(strings.EqualFold(last[0], "yes")), true
	case f == number && len(last) == 1 && isInt(last[0]):
		n, err := strconv.ParseInt(last[0], 10, 64)
		return cty.NumberIntVal(n), err == nil
	case f >= word && len(last) == 1:
		v = cty.StringVal(last[0])
	default:
		v = cty.StringVal(text(last))
	}
	counts := all
	if f != lines {
		counts = all[len(all)-1:]
	}
	for _, args := range counts {
		for _, w := range args {
			if !utf8.ValidString(w) || cty.NormalizeString(w) != w {
				return cty.NilVal, false
			}
		}
	}
	return v, true
}

var integer = engine.Form(`^(0|-?[1-9][0-9]*)$`)

func isInt(s string) bool { return integer().MatchString(s) }

// text is words as redis would read them again. One empty word alone is none:
// save "" is [""].
func text(args []string) string {
	if len(args) == 1 && args[0] == "" {
		return ""
	}
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = redis.Quote(a)
	}
	return strings.Join(quoted, " ")
}

// sizeForm is what memtoull takes; maxmemory-clients takes a percentage too.
var sizeForm = engine.Form(`(?i)^[0-9]+(b|k|kb|m|mb|g|gb|%)?$`)

// write gives what is to stand behind the name, once for each line.
func write(name string, v cty.Value) ([]string, error) {
	f, known := forms[name]
	isList := v.Type().IsListType() || v.Type().IsTupleType() || v.Type().IsSetType()
	if !known && isList {
		f = lines
	}
	switch f {
	case lines, words:
		v, err := convert.Convert(v, cty.List(cty.String))
		if err != nil || v.LengthInt() == 0 || !v.IsWhollyKnown() {
			return nil, fmt.Errorf("%s is a list of strings, of one at least; to take it out, write absent = true", name)
		}
		return writeList(f, v)
	case flag:
		v, err := convert.Convert(v, cty.Bool)
		if err != nil {
			return nil, fmt.Errorf("%s is true or false", name)
		}
		return []string{map[bool]string{true: "yes", false: "no"}[v.True()]}, nil
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return nil, fmt.Errorf("%s is one value, no list", name)
	}
	got := s.AsString()
	switch {
	case !utf8.ValidString(got):
		return nil, fmt.Errorf("%s is text in UTF-8", name)
	case f == number && !isInt(got):
		return nil, fmt.Errorf("%s is a whole number", name)
	case f == size && !sizeForm().MatchString(got):
		return nil, fmt.Errorf("%s is a size: a number of bytes, or of units as in 64kb, 256mb, 2gb", name)
	case f != line:
		return []string{redis.Quote(got)}, nil
	}
	return checkLine(got)
}

func writeList(f form, v cty.Value) ([]string, error) {
	var out []string
	for it := v.ElementIterator(); it.Next(); {
		_, item := it.Element()
		if item.IsNull() || !utf8.ValidString(item.AsString()) {
			return nil, fmt.Errorf("an item is text in UTF-8")
		}
		if f == words {
			out = append(out, redis.Quote(item.AsString()))
			continue
		}
		one, err := checkLine(item.AsString())
		if err != nil {
			return nil, err
		}
		out = append(out, one...)
	}
	if f == words {
		out = []string{strings.Join(out, " ")}
	}
	return out, nil
}

// checkLine refuses words that redis would read otherwise than they are shown.
func checkLine(s string) ([]string, error) {
	if s == "" {
		return []string{`""`}, nil
	}
	parsed, err := redis.Parse([]byte("x " + s))
	if err != nil || len(parsed.Root.Nodes) != 1 || strings.ContainsAny(s, "\n\r") {
		return nil, fmt.Errorf("%q is no line of redis.conf: quotes are to be closed, with a blank behind them", s)
	}
	var args []string
	n := parsed.Root.Nodes[0]
	for i := range n.Words[1:] {
		args = append(args, redis.Unquote(n.Word(parsed.Source(), i+1)))
	}
	if text(args) != s {
		return nil, fmt.Errorf("%q is written %q", s, text(args))
	}
	return []string{s}, nil
}
