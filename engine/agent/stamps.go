package agent

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
)

// StampKeeper is a Host that can carry what it knows of unchanged files from
// one session to the next. The bytes mean something to the Host alone.
type StampKeeper interface {
	// LoadStamps takes what an earlier session's SaveStamps gave. What does not
	// hold any more is forgotten; an error means that none was of use.
	LoadStamps(stamps []byte) error
	SaveStamps() ([]byte, error)
}

// Stamps are kept by the client and believed by the agent: one that lies could
// have a secret pass for the file that its package shipped, and so be sent in
// the clear. They therefore end with an HMAC under a key of their own, which is
// derived from the home key and not an HMAC under it: those are names of
// secrets, and whoever writes a secret can have any text named.

var errStamps = errors.New("stamps that were not made with this home key")

// openStamps gives what sealStamps sealed.
func (v *vault) openStamps(sealed []byte) ([]byte, error) {
	n := len(sealed) - sha256.Size
	if len(v.key) == 0 || n < 0 {
		return nil, errStamps
	}
	mac, err := v.stampMAC(sealed[:n])
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(mac, sealed[n:]) {
		return nil, errStamps
	}
	return sealed[:n:n], nil
}

// sealStamps makes stamps that a later session believes; none without a key.
func (v *vault) sealStamps(stamps []byte) ([]byte, error) {
	if len(v.key) == 0 || len(stamps) == 0 {
		return nil, nil
	}
	mac, err := v.stampMAC(stamps)
	return slices.Concat(stamps, mac), err
}

func (v *vault) stampMAC(stamps []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, v.key, nil, "hikae stamps 1", sha256.Size)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write(stamps)
	return h.Sum(nil), nil
}
