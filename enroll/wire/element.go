package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// Element is one tagged value of a body.
type Element struct {
	Tag   Tag
	Value []byte
}

// maxDeviceName is the longest device name in bytes, without its NUL.
const maxDeviceName = 128

// check refuses a value that the tag does not allow. The values of enumerations
// are left to the typed messages, except for certificate types: CERTIFICATE, which
// nests one, refuses unknown ones too.
func (e Element) check() error {
	switch e.Tag {
	case TagReason, TagVersion, TagAuthType, TagKeyType, TagCurve, TagDigestType:
		return e.size(1)
	case TagKeySize:
		return e.size(2)
	case TagRetryDelay:
		return e.size(4)
	case TagCertificateType:
		if err := e.size(1); err != nil {
			return err
		}
		return checkCertificateType(e.Value[0])
	case TagPublicKey, TagSignedData:
		if len(e.Value) == 0 {
			return malformed("%v is empty", e.Tag)
		}
	case TagPassword:
		_, err := text(e.Tag, e.Value)
		return err
	case TagDeviceName:
		return checkDeviceName(e.Value)
	case TagCertificate:
		_, err := ParseCertificate(e.Value)
		return err
	case TagSUDIData:
		_, err := ParseSUDI(e.Value)
		return err
	case TagSHA2SignedData:
		_, err := ParseSHA2Signature(e.Value)
		return err
	}
	return nil
}

func (e Element) size(n int) error {
	if len(e.Value) != n {
		return malformed("%v of %d bytes, not %d", e.Tag, len(e.Value), n)
	}
	return nil
}

// text strips the NUL at the end of a value. Its error never quotes the value,
// which may be a password.
func text(tag Tag, value []byte) ([]byte, error) {
	i := bytes.IndexByte(value, 0)
	if i < 0 {
		return nil, malformed("%v without its NUL", tag)
	}
	if i != len(value)-1 {
		return nil, malformed("%v with a NUL inside", tag)
	}
	return value[:i:i], nil
}

// checkDeviceName accepts printable ASCII. Which characters a device name
// may have is for the rooms that know devices; control characters and other
// bytes have no place even in a log line.
func checkDeviceName(value []byte) error {
	name, err := text(TagDeviceName, value)
	if err != nil {
		return err
	}
	if len(name) == 0 {
		return malformed("%v is empty", TagDeviceName)
	}
	if len(name) > maxDeviceName {
		return malformed("%v of %d characters, more than %d", TagDeviceName, len(name), maxDeviceName)
	}
	for _, c := range name {
		if c < ' ' || c > '~' {
			return malformed("%v %q with a character that cannot be printed", TagDeviceName, name)
		}
	}
	return nil
}

func checkCertificateType(t byte) error {
	if t := CertificateType(t); t != TypeLSC && t != TypeMIC {
		return malformed("%v is not known", t)
	}
	return nil
}

func nulTerminated(b []byte) []byte {
	return append(bytes.Clone(b), 0)
}

func byteElement[T ~byte](tag Tag, v T) Element {
	return Element{tag, []byte{byte(v)}}
}

// seconds encodes a delay as RETRY_DELAY: four bytes, whole seconds (our
// reading, since none has been captured). Fractions are rounded up, and a delay
// that does not fit becomes the nearest that does.
func seconds(d time.Duration) Element {
	n := math.Ceil(d.Seconds())
	n = min(max(n, 0), math.MaxUint32)
	return Element{TagRetryDelay, binary.BigEndian.AppendUint32(nil, uint32(n))}
}

// The following methods read elements of a frame that expect has checked;
// an absent element yields the zero value.

func (f Frame) byte(tag Tag) byte {
	if v, ok := f.value(tag); ok {
		return v[0]
	}
	return 0
}

func (f Frame) has(tag Tag) bool {
	_, ok := f.value(tag)
	return ok
}

func (f Frame) reason() Reason {
	return Reason(f.byte(TagReason))
}

func (f Frame) delay() time.Duration {
	v, ok := f.value(TagRetryDelay)
	if !ok {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint32(v)) * time.Second
}

func (f Frame) certificate() *Certificate {
	v, ok := f.value(TagCertificate)
	if !ok {
		return nil
	}
	c, _ := ParseCertificate(v)
	return &c
}
