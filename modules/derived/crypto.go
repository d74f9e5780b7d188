package derived

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"hikae/hosts"
)

const (
	cryptoProgram  = "/usr/bin/update-crypto-policies"
	cryptoDir      = "/etc/crypto-policies"
	cryptoConfig   = cryptoDir + "/config"
	cryptoState    = cryptoDir + "/state/current"
	backEnds       = cryptoDir + "/back-ends"
	cryptoPolicies = "/usr/share/crypto-policies" // where back-ends are linked to
)

// cryptoCurrent compares the policy that is asked for with the one that
// update-crypto-policies(8) says it has set, and wants all back-ends to be there.
func cryptoCurrent(r hosts.Reader) (bool, error) {
	asked, err := readFile(r, cryptoConfig)
	if err != nil {
		return false, err
	}
	set, err := readFile(r, cryptoState)
	if err != nil {
		return false, err
	}
	if want := words(asked); len(want) > 0 && !strings.EqualFold(want[0], strings.Join(words(set), " ")) {
		return false, nil
	}
	names, err := r.ReadDir(backEnds)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, name := range names {
		file := path.Join(backEnds, name)
		n, err := r.Stat(file)
		if err != nil {
			return false, err
		}
		if n.Type != hosts.Link {
			continue
		}
		to := n.Link
		if !path.IsAbs(to) {
			to = path.Join(backEnds, to)
		}
		if there, err := exists(r, to); !there {
			return false, err
		}
	}
	return true, nil
}
