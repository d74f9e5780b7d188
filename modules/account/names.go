package account

import (
	"fmt"

	"hikae/engine"
)

// namePattern is what shadow-utils of the RHEL family takes as the name of a
// user or group (useradd(8), NAME_REGEX there): up to 32 bytes.
var namePattern = engine.Form(`^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?$`)

// onlyDigits would be taken for ids by chown and others.
var onlyDigits = engine.Form(`^[0-9]+$`)

func checkName(name string) error {
	if !namePattern().MatchString(name) || onlyDigits().MatchString(name) || name == "." || name == ".." {
		return fmt.Errorf("%q cannot be the name of an account: up to 32 of A-Z a-z 0-9 _ . - and a $ at the end, not digits alone", name)
	}
	return nil
}
