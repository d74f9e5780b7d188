package phpfpm

import (
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
)

// form is how php-fpm reads a setting.
type form int

const (
	text   form = iota
	flag        // yes, on, true or 1; no, off, none or nothing
	number      // whole
	span        // of time: a number, or one with s, m, h or d
	commas      // items parted by commas
	blanks      // items parted by blanks
	texts       // KEY[SUB] = text
	flags       // KEY[SUB] = flag
)

func (f form) typ() cty.Type {
	switch f {
	case flag:
		return cty.Bool
	case number:
		return cty.Number
	case commas, blanks:
		return cty.List(cty.String)
	case texts:
		return cty.Map(cty.String)
	case flags:
		return cty.Map(cty.Bool)
	}
	return cty.String
}

func (f form) isMap() bool { return f == texts || f == flags }

// attribute is a setting of a pool and what it is called in HCL.
type attribute struct {
	name, key string
	form      form
	doc       string
}

// attributes are the settings of a pool: ini_fpm_pool_options in
// sapi/fpm/fpm/fpm_conf.c, in the order in which a new pool is written.
func attributes() []attribute {
	all := []attribute{
		{key: "prefix", form: text, doc: "The directory that its relative paths begin at."},
		{key: "user", form: text, doc: "Whom its processes run as."},
		{key: "group", form: text, doc: "The group of its processes; the user's own where nothing is said."},
		{key: "listen", form: text, doc: "Where it is asked: a path of a socket, a port, or an address with a port. $pool is its name."},
		{key: "listen.backlog", form: number, doc: "How many connections may wait."},
		{key: "listen.owner", form: text, doc: "The owner of its socket."},
		{key: "listen.group", form: text, doc: "The group of its socket."},
		{key: "listen.mode", form: text, doc: "The mode of its socket, as in \"0660\"."},
		{key: "listen.acl_users", form: commas, doc: "Users that may connect to its socket; owner and group count for nothing then."},
		{key: "listen.acl_groups", form: commas, doc: "Groups that may connect to its socket."},
		{key: "listen.allowed_clients", form: commas, doc: "Addresses that may connect to its port."},
		{key: "process.priority", form: number, doc: "The nice value of its processes, -19 to 20."},
		{key: "process.dumpable", form: flag, doc: "Whether its processes may be traced and leave core files."},
		{key: "pm", form: text, doc: "How many processes there are: static, dynamic or ondemand."},
		{key: "pm.max_children", form: number, doc: "How many processes there may be at once."},
		{key: "pm.start_servers", form: number, doc: "How many there are at the start, where pm is dynamic."},
		{key: "pm.min_spare_servers", form: number, doc: "How many are idle at least, where pm is dynamic."},
		{key: "pm.max_spare_servers", form: number, doc: "How many are idle at most, where pm is dynamic."},
		{key: "pm.max_spawn_rate", form: number, doc: "How many are made at once, where pm is dynamic."},
		{key: "pm.process_idle_timeout", form: span, doc: "After what time an idle one ends, where pm is ondemand: seconds, or with s, m, h or d."},
		{key: "pm.max_requests", form: number, doc: "After how many requests a process makes room for a new one; 0 is never."},
		{key: "pm.status_path", form: text, doc: "The path of the page of its state."},
		{key: "pm.status_listen", form: text, doc: "Where that page is asked for, apart from all else."},
		{key: "ping.path", form: text, doc: "The path of a page that says that it lives."},
		{key: "ping.response", form: text, doc: "What that page says."},
		{key: "access.log", form: text, doc: "The file in which requests are logged."},
		{key: "access.format", form: text, doc: "How they are logged."},
		{key: "slowlog", form: text, doc: "The file in which slow requests are logged."},
		{key: "request_slowlog_timeout", form: span, doc: "From what time on a request is slow; 0 is never."},
		{key: "request_slowlog_trace_depth", form: number, doc: "How many functions of a slow one are logged."},
		{key: "request_terminate_timeout", form: span, doc: "After what time a request is ended; 0 is never."},
		{key: "request_terminate_timeout_track_finished", form: flag, doc: "Whether that holds for what a script does after its answer too."},
		{key: "rlimit_files", form: number, doc: "How many files a process may have open."},
		{key: "rlimit_core", form: text, doc: "How large a core file may be: bytes, or unlimited."},
		{key: "chroot", form: text, doc: "The directory that is / to its processes."},
		{key: "chdir", form: text, doc: "The directory that its processes begin in."},
		{key: "catch_workers_output", form: flag, doc: "Whether what scripts write to their standard output and error is logged."},
		{key: "decorate_workers_output", form: flag, doc: "Whether each such line says whose it is."},
		{key: "clear_env", form: flag, doc: "Whether its processes begin without php-fpm's environment."},
		{key: "security.limit_extensions", form: blanks, doc: "What the names of scripts end in, as in .php."},
		{key: "env", form: texts, doc: "Variables of its processes' environment."},
		{key: "php_value", form: texts, doc: "Settings of php.ini that a script may change."},
		{key: "php_flag", form: flags, doc: "Such settings that are on or off."},
		{key: "php_admin_value", form: texts, doc: "Settings of php.ini that no script can change."},
		{key: "php_admin_flag", form: flags, doc: "Such settings that are on or off."},
	}
	for i := range all {
		all[i].name = strings.ReplaceAll(all[i].key, ".", "_")
	}
	return all
}

// sub is the key of a map that a setting is of: SUB of KEY[SUB]. It reports false
// where it is of another, or its name hangs on more than what is written.
func (a attribute) sub(s setting) (string, bool) {
	key := s.key()
	base, rest, ok := strings.Cut(key, "[")
	if !ok || strings.Trim(base, " \t") != a.key || !strings.HasSuffix(rest, "]") {
		return "", false
	}
	name := strings.TrimLeft(rest[:len(rest)-1], " \t")
	if strings.ContainsAny(name, "'\"$\\") || strings.TrimRight(name, " \t") != name || name == "" || !clean(name) {
		return "", false
	}
	return name, true
}

// of are the settings of a pool that say something of an attribute.
func (p *pool) of(a attribute) []setting {
	var found []setting
	for _, s := range p.settings {
		if a.form.isMap() {
			if base, _, ok := strings.Cut(s.key(), "["); ok && strings.Trim(base, " \t") == a.key {
				found = append(found, s)
			}
		} else if strings.EqualFold(s.key(), a.key) {
			found = append(found, s)
		}
	}
	return found
}

// understood are the settings of a map by their keys. One that is set twice is
// not understood: which of them holds differs from map to map.
func (p *pool) understood(a attribute) (values map[string]cty.Value, from map[string]setting) {
	values, from = map[string]cty.Value{}, map[string]setting{}
	count := map[string]int{}
	for _, s := range p.of(a) {
		name, ok := a.sub(s)
		count[name]++
		if v, understood := scalar(a.form, s.written()); ok && understood {
			values[name], from[name] = v, s
		}
	}
	for name, n := range count {
		if n > 1 {
			delete(values, name)
			delete(from, name)
		}
	}
	return values, from
}

// get is what a pool says of an attribute, null for nothing that is understood,
// and the settings that say it.
func (p *pool) get(a attribute) (cty.Value, []setting) {
	null := cty.NullVal(a.form.typ())
	if a.form.isMap() {
		values, from := p.understood(a)
		if len(values) == 0 {
			return null, nil
		}
		var shown []setting
		for _, s := range from {
			shown = append(shown, s)
		}
		return cty.MapVal(values), shown
	}
	all := p.of(a)
	if len(all) == 0 {
		return null, nil
	}
	last := all[len(all)-1]
	v, ok := scalar(a.form, last.written())
	if !ok {
		return null, nil
	}
	return v, []setting{last}
}

var (
	numberForm = engine.Form(`^-?[0-9]{1,9}$`)
	spanForm   = engine.Form(`^[0-9]{1,9}[smhd]?$`)
)

// scalar reads one value as written. It reports false where that cannot be, or
// php-fpm would refuse it.
func scalar(f form, written string) (cty.Value, bool) {
	said, ok := ini.FPMValue(written)
	if !ok || !clean(said) {
		return cty.NilVal, false
	}
	switch f {
	case flag, flags:
		return cty.BoolVal(said == "1"), said == "1" || said == ""
	case number:
		if !numberForm().MatchString(said) {
			return cty.NilVal, false
		}
		v, err := cty.ParseNumberVal(said)
		return v, err == nil
	case commas, blanks:
		return listOf(f, said), true
	}
	return cty.StringVal(said), true
}

// items parts a list.
func items(f form, said string) []string {
	if f == blanks {
		return strings.Fields(said)
	}
	var all []string
	for item := range strings.SplitSeq(said, ",") {
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}

func listOf(f form, said string) cty.Value { return lensput.Strings(items(f, said)) }

// clean tells whether a string can hold a text as it is.
func clean(s string) bool { return utf8.ValidString(s) && cty.NormalizeString(s) == s }
