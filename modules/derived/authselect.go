package derived

import (
	"fmt"
	"strings"

	"hikae/hosts"
)

const (
	authselectProgram = "/usr/bin/authselect"
	authselectDir     = "/etc/authselect/"
	authselectConf    = authselectDir + "authselect.conf"
)

// pamStacks are what authselect makes for /etc/pam.d, where it puts links to
// them; the last two are not in every profile.
var pamStacks = []string{"system-auth", "password-auth", "postlogin", "fingerprint-auth", "smartcard-auth"}

// authselectWish reads authselect.conf: the profile's name on the first line,
// then a line for each feature. Nil where authselect is not used.
func authselectWish(r hosts.Reader) ([]string, error) {
	text, err := readFile(r, authselectConf)
	if err != nil {
		return nil, err
	}
	wish := words(text)
	for _, w := range wish {
		if w[0] == '-' || strings.ContainsFunc(w, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_./", c)
		}) {
			return nil, fmt.Errorf("%s: %q is neither a profile nor a feature", authselectConf, w)
		}
	}
	return wish, nil
}

// authselectArgv has authselect make its files from its configuration. Where
// they are not there, or PAM does not use them, the profile is selected anew:
// authselect keeps a copy of what it replaces then.
func authselectArgv(r hosts.Reader) ([]string, error) {
	wish, err := authselectWish(r)
	if err != nil || wish == nil {
		return nil, err
	}
	current, err := authselectCurrent(r)
	if err != nil {
		return nil, err
	}
	if current {
		return []string{authselectProgram, "apply-changes"}, nil
	}
	return append(append([]string{authselectProgram, "select"}, wish...), "--force"), nil
}

// authselectCurrent reports whether authselect's files are there and used.
func authselectCurrent(r hosts.Reader) (bool, error) {
	for _, name := range append([]string{"nsswitch.conf"}, pamStacks[:3]...) {
		if there, err := exists(r, authselectDir+name); !there {
			return false, err
		}
		user := "/etc/pam.d/" + name
		if name == "nsswitch.conf" {
			user = "/etc/nsswitch.conf"
		}
		there, err := exists(r, user)
		if !there {
			return false, err
		}
		if n, err := r.Stat(user); err != nil || n.Link != authselectDir+name {
			return false, err
		}
	}
	return true, nil
}
