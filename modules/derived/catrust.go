package derived

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"path"

	"hikae/hosts"
)

const (
	caProgram = "/usr/bin/update-ca-trust"
	caDir     = "/etc/pki/ca-trust"
	caSource  = caDir + "/source"
	caAnchors = caSource + "/anchors"
	caBundle  = caDir + "/extracted/pem/tls-ca-bundle.pem"
)

// caTrustCurrent looks for the host's own authorities in the bundle that
// update-ca-trust(8) makes. What may be kept out of it on purpose is not asked
// for: what is no authority, and everything where some are distrusted.
func caTrustCurrent(r hosts.Reader) (bool, error) {
	bundle, err := readFile(r, caBundle)
	if err != nil || len(bundle) == 0 {
		return false, err
	}
	for _, dir := range []string{"blacklist", "blocklist"} {
		if names, err := r.ReadDir(path.Join(caSource, dir)); err == nil && len(names) > 0 {
			return true, nil
		}
	}
	names, err := r.ReadDir(caAnchors)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	for _, name := range names {
		file := path.Join(caAnchors, name)
		if n, err := r.Stat(file); err != nil || n.Type != hosts.File {
			continue
		}
		text, err := readFile(r, file)
		if err != nil {
			return false, err
		}
		for _, der := range authorities(text) {
			if !holds(bundle, der) {
				return false, nil
			}
		}
	}
	return true, nil
}

// authorities gives the certificates of a file that are authorities', as DER.
func authorities(text []byte) [][]byte {
	var ders [][]byte
	add := func(der []byte) {
		if c, err := x509.ParseCertificate(der); err == nil && c.BasicConstraintsValid && c.IsCA {
			ders = append(ders, der)
		}
	}
	add(text)
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		if b.Type == "CERTIFICATE" {
			add(b.Bytes)
		}
	}
	return ders
}

// holds looks for a certificate as text first: so it mostly stands there.
func holds(bundle, der []byte) bool {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if bytes.Contains(bundle, text) {
		return true
	}
	for b, rest := pem.Decode(bundle); b != nil; b, rest = pem.Decode(rest) {
		if bytes.Equal(b.Bytes, der) {
			return true
		}
	}
	return false
}
