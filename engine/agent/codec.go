package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// codec holds the CBOR modes of the wire. It is made once a session.
type codec struct {
	enc cbor.UserBufferEncMode
	dec cbor.DecMode
	// lenient is for the Hello alone, which must be readable across versions.
	lenient cbor.DecMode
	types   sync.Map // cty.Type of the attributes of a kind, by its name
}

// objectType is the schema's. It takes longer to make than most values to read.
func (c *codec) objectType(s engine.Schema) cty.Type {
	if ty, ok := c.types.Load(s.Kind); ok {
		return ty.(cty.Type)
	}
	ty := s.ObjectType()
	c.types.Store(s.Kind, ty)
	return ty
}

// maxItems bounds the elements of one array or map in a message.
const maxItems = 1 << 20

func newCodec() (*codec, error) {
	enc, err := cbor.EncOptions{
		Sort:        cbor.SortBytewiseLexical,
		IndefLength: cbor.IndefLengthForbidden,
		TagsMd:      cbor.TagsForbidden,
		// A Go string here is raw bytes: as a text string a path that is not
		// UTF-8 would be refused by the reader.
		String: cbor.StringToByteString,
	}.UserBufferEncMode()
	if err != nil {
		return nil, fmt.Errorf("cannot set up CBOR: %w", err)
	}
	o := cbor.DecOptions{
		DupMapKey:          cbor.DupMapKeyEnforcedAPF,
		IndefLength:        cbor.IndefLengthForbidden,
		TagsMd:             cbor.TagsForbidden,
		MaxNestedLevels:    16,
		MaxArrayElements:   maxItems,
		MaxMapPairs:        maxItems,
		ByteStringToString: cbor.ByteStringToStringAllowed,
		NaN:                cbor.NaNDecodeForbidden,
		Inf:                cbor.InfDecodeForbidden,
		ExtraReturnErrors:  cbor.ExtraDecErrorUnknownField,
	}
	dec, err := o.DecMode()
	if err != nil {
		return nil, fmt.Errorf("cannot set up CBOR: %w", err)
	}
	o.ExtraReturnErrors = cbor.ExtraDecErrorNone
	lenient, err := o.DecMode()
	if err != nil {
		return nil, fmt.Errorf("cannot set up CBOR: %w", err)
	}
	return &codec{enc: enc, dec: dec, lenient: lenient}, nil
}

func (c *codec) marshal(v any) ([]byte, error) {
	b, err := c.enc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot encode message: %w", err)
	}
	return b, nil
}

// append adds the encoding of v to b, which is of no use after an error.
func (c *codec) append(b *bytes.Buffer, v any) error {
	if err := c.enc.MarshalToBuffer(v, b); err != nil {
		return fmt.Errorf("cannot encode message: %w", err)
	}
	return nil
}

// unmarshal reads a message that must hold v and nothing else.
func (c *codec) unmarshal(b []byte, v any) error {
	if err := c.dec.Unmarshal(b, v); err != nil {
		return protocolError("cannot decode message: %w", err)
	}
	return nil
}

// sequence decodes a CBOR sequence, calling fn with each of its items.
func sequence[T any](c *codec, b []byte, fn func(*T) error) error {
	for len(b) > 0 {
		var v T
		rest, err := c.dec.UnmarshalFirst(b, &v)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("cut short")
		}
		if err != nil {
			return protocolError("cannot decode message: %w", err)
		}
		b = rest
		if err := fn(&v); err != nil {
			return err
		}
	}
	return nil
}
