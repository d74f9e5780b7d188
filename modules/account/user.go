package account

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// User is the kind user.
type User struct{}

var _ engine.Sourced = User{}

// Schema implements engine.Module.
func (User) Schema() engine.Schema {
	return engine.Schema{
		Kind:  UserKind,
		Doc:   "An account of /etc/passwd with its password of /etc/shadow and its ranges of /etc/subuid and subgid.",
		Label: "name of the account",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: "uid", Type: cty.Number, Doc: "Its id; null for system accounts, whose ids may differ between hosts. A new account that says none gets the next free one."},
			{Name: "system", Type: cty.Bool, Default: cty.False, Doc: "Belongs to a program, not to a person: its id is below UID_MIN of login.defs."},
			{Name: "group", Type: cty.String, Doc: "Name of the primary group, which must exist. A new account that says none gets the group of its own name."},
			{Name: "gecos", Type: cty.String, Default: cty.StringVal(""), Doc: "Full name and, between commas, rooms and telephones."},
			{Name: "home", Type: cty.String, Doc: "Home directory. That of a new account of a person is made from /etc/skel; none is ever moved or removed."},
			{Name: "shell", Type: cty.String, Doc: "Program that a login starts."},
			{Name: "password", Type: cty.String, Secret: true, Default: noPassword, Doc: "Hash of the password, as crypt(5) has it; left out of a snapshot where there is none: then a follower has none either."},
			{Name: "locked", Type: cty.Bool, Default: cty.True, Doc: "No password opens the account: its hash is put out of force, or it has none."},
			{Name: "changed", Type: cty.String, Doc: "Date the password was last changed; 1970-01-01: must be changed at the next login; never: ageing is off."},
			{Name: "min_days", Type: cty.Number, Doc: "Days before a password may be changed again; -1: no limit."},
			{Name: "max_days", Type: cty.Number, Doc: "Days after which a password must be changed; -1: no limit."},
			{Name: "warn_days", Type: cty.Number, Doc: "Days of warning before that; -1: none."},
			{Name: "inactive_days", Type: cty.Number, Doc: "Days after that until the account is shut; -1: no limit."},
			{Name: "expires", Type: cty.String, Default: cty.StringVal(never), Doc: "Date on which the account is shut, or never."},
			{Name: "subuid", Type: names, Default: cty.SetValEmpty(cty.String), Doc: "Ranges of subordinate uids, START:COUNT, as containers of its own use them: subuid(5)."},
			{Name: "subgid", Type: names, Default: cty.SetValEmpty(cty.String), Doc: "Ranges of subordinate gids, START:COUNT: subgid(5)."},
		},
	}
}

// Sources implements engine.Sourced.
func (User) Sources() []hosts.WatchRoot { return sources() }

// Read implements engine.Module.
func (m User) Read(_ context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	cov := engine.Coverage{Skipped: map[string]int{}}
	f, err := load(r)
	if err != nil {
		cov.Holes = append(cov.Holes, engine.Hole{Path: passwdPath, Err: err.Error()})
		return cov, nil //nolint:nilerr // what cannot be read is a hole, not an error
	}
	cov.Whole = f.passwd.exists
	rd := userReader{files: f, schema: m.Schema(), vault: s.Vault, groups: f.groupNames()}
	f.passwd.entries(func(pw []string) {
		if err != nil {
			return
		}
		if why := skipUser(pw); why != "" {
			cov.Skipped[why]++
			return
		}
		var v cty.Value
		if v, err = rd.value(pw); err != nil {
			return
		}
		err = emit(engine.Resource{
			Addr:  engine.Addr{Kind: UserKind, Name: pw[pwName]},
			Value: v,
			After: []engine.Addr{{Kind: GroupKind, Name: rd.groupOf(pw)}},
		})
	})
	for _, name := range rd.open {
		cov.Notes = append(cov.Notes, fmt.Sprintf("%s has an empty password: anyone can log in; where hikae makes the account it is locked", name))
	}
	if n := cov.Skipped[otherRoot]; n > 0 {
		cov.Notes = append(cov.Notes, fmt.Sprintf("%d accounts besides root have uid 0; hikae carries none of them", n))
	}
	return cov, err
}

const otherRoot = "another name of root: never carried"

// skipUser says why an entry is not carried; "" where it is.
func skipUser(pw []string) string {
	switch {
	case pw[pwUID] == "0" && pw[pwName] != "root":
		return otherRoot
	case checkName(pw[pwName]) != nil:
		return "a name that useradd would refuse"
	}
	return ""
}

// userReader turns entries into values.
type userReader struct {
	files  *files
	schema engine.Schema
	vault  engine.Vault
	groups map[string]string // names of gids
	open   []string          // accounts seen with an empty password
}

func (rd *userReader) groupOf(pw []string) string {
	if name := rd.groups[pw[pwGID]]; name != "" {
		return name
	}
	return pw[pwGID]
}

func (rd *userReader) value(pw []string) (cty.Value, error) {
	uid, err := parseID(pw[pwUID])
	if err != nil {
		return cty.NilVal, err
	}
	attrs := map[string]cty.Value{
		"system": cty.BoolVal(rd.files.defs.systemUser(uid)),
		"group":  text(rd.groupOf(pw)),
		"gecos":  text(pw[pwGecos]),
		"home":   text(pw[pwHome]),
		"shell":  text(pw[pwShell]),
		"subuid": rangeSet(rd.files.subuid.ranges(pw[pwName], pw[pwUID])),
		"subgid": rangeSet(rd.files.subgid.ranges(pw[pwName], pw[pwUID])),
	}
	if !rd.files.defs.systemUser(uid) {
		attrs["uid"] = number(int64(uid))
	}
	if err := rd.shadow(pw, attrs); err != nil {
		return cty.NilVal, fmt.Errorf("cannot read the password of %q: %w", pw[pwName], err)
	}
	return object(rd.schema, attrs), nil
}

// shadow adds what shadow(5) says. The dates of a password that is none are
// left open: packages make accounts on the day they are installed.
func (rd *userReader) shadow(pw []string, attrs map[string]cty.Value) error {
	sp, ok := rd.files.shadow.get(pw[pwName])
	if !ok {
		sp = make([]string, spFields)
		sp[spPassword] = pw[pwPassword] // before shadow passwords it stood there
		if sp[spPassword] == "x" {
			sp[spPassword] = "!!" // said to be in shadow, and is not: login refuses
		}
	}
	hash, locked := splitPassword(sp[spPassword])
	if hash == "" && !locked {
		rd.open = append(rd.open, pw[pwName])
	} else {
		attrs["locked"] = cty.BoolVal(locked)
	}
	if d, ok := formatDate(sp[spExpire]); ok {
		attrs["expires"] = cty.StringVal(d)
	}
	if hash == "" {
		if locked {
			attrs["password"] = noPassword
		}
		return nil
	}
	if d, ok := formatDate(sp[spChanged]); ok {
		attrs["changed"] = cty.StringVal(d)
	}
	for name, field := range map[string]string{
		"min_days": sp[spMin], "max_days": sp[spMax], "warn_days": sp[spWarn], "inactive_days": sp[spInactive],
	} {
		if n, ok := formatDays(field); ok {
			attrs[name] = number(n)
		}
	}
	var err error
	attrs["password"], err = sealed(rd.vault, hash)
	return err
}
