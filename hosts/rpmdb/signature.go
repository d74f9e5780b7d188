package rpmdb

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
)

// signingKey returns the id of the key that made the package's signature, "" when there is none. A header may carry
// several signatures; that over the header alone has precedence, as in rpm -qi.
func (h header) signingKey() (string, error) {
	for _, tag := range []uint32{tagRSAHeader, tagDSAHeader, tagSigPGP, tagSigGPG} {
		sig, err := h.bin(tag)
		if err != nil {
			return "", err
		}
		if id := signatureKeyID([]byte(sig)); id != "" {
			return id, nil
		}
	}
	sigs, err := h.strs(tagOpenPGP) // rpm 4.20 and later: base64
	if err != nil {
		return "", err
	}
	for sigs.len() > 0 {
		s, err := sigs.next()
		if err != nil {
			return "", err
		}
		if sig, err := base64.StdEncoding.DecodeString(s); err == nil {
			if id := signatureKeyID(sig); id != "" {
				return id, nil
			}
		}
	}
	return "", nil
}

// signatureKeyID returns the issuer of an OpenPGP signature packet as 16 hex digits, and "" when it is no such packet or
// names none: RFC 9580 §4.2 for the packet, §5.2 for the signature.
func signatureKeyID(p []byte) string {
	tag, body := packet(p)
	if tag != 2 || len(body) == 0 {
		return ""
	}
	switch body[0] {
	case 2, 3: // version, 5, type, time in 4, key id in 8
		if len(body) >= 15 {
			return hex.EncodeToString(body[7:15])
		}
	case 4: // version, type, two algorithms, two areas of subpackets
		return issuer(body[1:], 2)
	case 6: // the same with wider lengths
		return issuer(body[1:], 4)
	}
	return ""
}

// packet returns an OpenPGP packet's type and body. A body of unknown or partial length is taken to the end.
func packet(p []byte) (tag byte, body []byte) {
	if len(p) < 2 || p[0]&0x80 == 0 {
		return 0, nil
	}
	size, skip := len(p), 1
	if p[0]&0x40 == 0 { // the old form: the length's width is in the tag
		tag = p[0] >> 2 & 0xf
		if width := 1 << (p[0] & 3); width < 8 {
			skip += width
			if len(p) < skip {
				return 0, nil
			}
			size = 0
			for _, b := range p[1:skip] {
				size = size<<8 | int(b)
			}
		}
	} else {
		tag = p[0] & 0x3f
		n, width := packetLength(p[1:])
		if width == 0 {
			return 0, nil
		}
		size, skip = n, 1+width
	}
	body = p[skip:]
	return tag, body[:min(len(body), size)]
}

// packetLength decodes the length of a packet or subpacket and gives its width, 0 when it is cut off.
func packetLength(p []byte) (n, width int) {
	switch {
	case len(p) >= 1 && p[0] < 192:
		return int(p[0]), 1
	case len(p) >= 2 && p[0] < 255:
		return (int(p[0])-192)<<8 + int(p[1]) + 192, 2
	case len(p) >= 5 && p[0] == 255:
		return int(binary.BigEndian.Uint32(p[1:])), 5
	}
	return 0, 0
}

// Subpackets that name the signing key.
const (
	subIssuerKeyID       = 16
	subIssuerFingerprint = 33
)

// issuer looks for the signing key in the two areas of subpackets of a signature, hashed and unhashed, given from its type
// on; the length of an area has width bytes. A key id is preferred to a fingerprint, from which the id is told otherwise.
func issuer(sig []byte, width int) string {
	if len(sig) < 3 {
		return ""
	}
	sig = sig[3:]
	var id, fromFingerprint string
	for range 2 {
		if len(sig) < width {
			break
		}
		var size uint64
		for _, b := range sig[:width] {
			size = size<<8 | uint64(b)
		}
		if sig = sig[width:]; size > uint64(len(sig)) {
			break
		}
		subpackets(sig[:size], func(typ byte, data []byte) {
			switch {
			case typ == subIssuerKeyID && len(data) == 8 && id == "":
				id = hex.EncodeToString(data)
			case typ == subIssuerFingerprint && len(data) == 21: // version 4: the id is the end
				fromFingerprint = hex.EncodeToString(data[13:])
			case typ == subIssuerFingerprint && len(data) == 33: // versions 5 and 6: the id is the start
				fromFingerprint = hex.EncodeToString(data[1:9])
			}
		})
		sig = sig[size:]
	}
	return cmp.Or(id, fromFingerprint)
}

// subpackets calls fn for each subpacket of an area, up to the first that is damaged.
func subpackets(area []byte, fn func(typ byte, data []byte)) {
	for len(area) > 0 {
		n, width := packetLength(area)
		if width == 0 || n == 0 || n > len(area)-width {
			return
		}
		sub := area[width : width+n]
		fn(sub[0]&0x7f, sub[1:]) // the high bit only says that it must be understood
		area = area[width+n:]
	}
}
