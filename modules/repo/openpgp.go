package repo

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 9580 §5.5.4.2 makes a version 4 key's id with it
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// maxKey bounds, in bytes, the text of a key. rpm's largest are some 10 KB.
const maxKey = 1 << 20

// The packets that are looked into: RFC 9580 §5.
const (
	tagPublicKey = 6
	tagUserID    = 13
)

// publicKey is what is to be known of an OpenPGP key.
type publicKey struct {
	id      string // 16 hex digits
	created uint32 // seconds since 1970
	owner   string // the first user id
	text    string // armoured, always in the same way
}

// name is how rpm calls the package under which it keeps the key:
// VERSION-RELEASE of gpg-pubkey.
func (k publicKey) name() string { return fmt.Sprintf("%s-%08x", k.id[8:], k.created) }

// parseKey reads an armoured public key. The packets are not interpreted
// beyond what names the key, so one of an algorithm that is not known here is
// read too.
//
// rpm writes its own version into the armour, so the same key has other text
// on another host: text is armoured anew, without any header.
func parseKey(text string) (publicKey, error) {
	k, err := parsePublicKey(text)
	if err != nil {
		return publicKey{}, fmt.Errorf("cannot read the key: %w", err)
	}
	return k, nil
}

func parsePublicKey(text string) (publicKey, error) {
	var k publicKey
	if len(text) > maxKey {
		return k, fmt.Errorf("it has more than %d bytes", maxKey)
	}
	block, err := armor.Decode(strings.NewReader(text))
	if err != nil {
		return k, fmt.Errorf("its armour: %w", err)
	}
	if block.Type != "PGP PUBLIC KEY BLOCK" {
		return k, fmt.Errorf("it is a %s", block.Type)
	}
	raw, err := io.ReadAll(io.LimitReader(block.Body, maxKey))
	if err != nil {
		return k, fmt.Errorf("its armour: %w", err)
	}
	packets := packet.NewOpaqueReader(bytes.NewReader(raw))
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return k, err
		}
		switch {
		case p.Tag == tagPublicKey && k.id != "":
			return k, errors.New("it holds several keys: give each a resource of its own")
		case p.Tag == tagPublicKey:
			if k.id, k.created, err = identify(p.Contents); err != nil {
				return k, err
			}
		case p.Tag == tagUserID && k.owner == "":
			k.owner = strings.ToValidUTF8(string(p.Contents), "\uFFFD")
		}
	}
	if k.id == "" {
		return k, errors.New("it holds no public key")
	}
	k.text, err = encode(raw)
	return k, err
}

// identify gives the id of a version 4 key: RFC 9580 §5.5.4.2.
func identify(body []byte) (id string, created uint32, err error) {
	if len(body) < 6 || len(body) > 0xffff {
		return "", 0, errors.New("its public key is cut off")
	}
	if body[0] != 4 {
		return "", 0, fmt.Errorf("its version is %d, and rpm imports version 4", body[0])
	}
	h := sha1.New()                                                         //nolint:gosec // see the import
	h.Write(binary.BigEndian.AppendUint16([]byte{0x99}, uint16(len(body)))) //nolint:gosec // checked above
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[12:]), binary.BigEndian.Uint32(body[1:]), nil
}

func encode(raw []byte) (string, error) {
	var b strings.Builder
	w, err := armor.Encode(&b, "PGP PUBLIC KEY BLOCK", nil)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(raw); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return b.String() + "\n", nil
}
