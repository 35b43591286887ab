package trustlist

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Version is that of a file's layout, or that of its signer: a byte before the point,
// and one after it.
type Version uint16

// The versions of layouts.
const (
	versionList      Version = 0x0102
	versionSigned    Version = 0x0100
	versionEncrypted Version = 0x0200
)

// The versions of signers. Phones take EC LSCs, and HTTPS on port 6971, only with 1.1.
const (
	SignerVersion10 Version = 0x0100
	SignerVersion11 Version = 0x0101
)

func (v Version) String() string { return fmt.Sprintf("%d.%d", v>>8, v&0xff) }

// ParseSignerVersion reads 1.0 or 1.1.
func ParseSignerVersion(text string) (Version, error) {
	for _, v := range []Version{SignerVersion10, SignerVersion11} {
		if v.String() == text {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%q is no signer version that phones know: 1.0 or 1.1", text)
}

// Header stands before the records of a list, or before the body of a signed file.
type Header struct {
	Version       Version
	Length        int     // in bytes, with signature and padding
	SignerVersion Version // of lists; zero where it is absent, as in CUCM's of 2015

	SignerName   string // subject
	SignerSerial []byte // big-endian, without leading zeros
	SignerIssuer string

	Digest    Digest
	Algorithm byte // 0: RSA, PKCS #1 v1.5
	Modulus   byte // 0 to 3: 512, 1024, 2048, 4096 bits
	Signature []byte

	FileName string
	Time     time.Time // zero where it is absent

	Encryption *Encryption // of encrypted files
	Unknown    []Element   // elements that this package does not know

	signedBytes []byte // the file without the SIGNATURE element
}

// headerReader reads a header, element by element.
type headerReader struct {
	reader
	header *Header
	seen   map[byte]bool
	cut    [2]int // where the SIGNATURE element begins and ends
}

// parseHeader reads the header at the beginning of file. The order of elements does not
// matter: CUCM and certutils differ in it.
func parseHeader(file []byte) (Header, error) {
	if len(file) > MaxFile {
		return Header{}, malformed("%d bytes are more than the %d that a phone takes", len(file), MaxFile)
	}
	if len(file) < 3 || file[0] != headerVersion && file[0] != headerLength || file[1] != 0 || file[2] != 2 {
		return Header{}, malformed("neither a trust list nor a signed file: it begins with %q", file[:min(len(file), 8)])
	}
	h := Header{}
	r := headerReader{header: &h, seen: map[byte]bool{},
		reader: reader{b: file, end: len(file), within: "the file", named: headerTagName}}
	if err := r.container(outside); err != nil {
		return Header{}, fmt.Errorf("header: %w", err)
	}
	for _, tag := range []byte{headerVersion, headerLength, headerSignerID, headerSignerName, headerSerialNumber,
		headerCAName, headerSignatureInfo, headerDigest, headerAlgorithm, headerModulus, headerSignature} {
		if !r.seen[tag] {
			return Header{}, malformed("header: it has no %s", headerTagName(tag))
		}
	}
	h.signedBytes = append(append(make([]byte, 0, len(file)), file[:r.cut[0]]...), file[r.cut[1]:]...)
	return h, nil
}

// container reads the elements up to r.end, which the length of the header moves.
func (r *headerReader) container(tag byte) error {
	for r.at < r.end {
		if r.b[r.at] == headerPadding {
			r.at++ // alone, without a length
			continue
		}
		start := r.at
		e, err := r.next()
		if err != nil {
			return err
		}
		rule, known := headerRules[e.Tag]
		switch {
		case !known:
			r.header.Unknown = append(r.header.Unknown, e)
			continue
		case r.seen[e.Tag]:
			return malformed("%s at byte %d stands there twice", rule.name, start)
		case rule.parent != tag:
			return malformed("%s at byte %d stands in the wrong place", rule.name, start)
		case rule.length >= 0 && rule.length != len(e.Value):
			return malformed("%s at byte %d has %d bytes instead of %d", rule.name, start, len(e.Value), rule.length)
		}
		r.seen[e.Tag] = true
		if rule.container {
			err = r.inside(e, start)
		} else {
			err = r.value(e, start)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *headerReader) inside(e Element, start int) error {
	after, end, within := r.at, r.end, r.within
	r.at, r.end, r.within = start+3, after, headerTagName(e.Tag)
	if e.Tag == headerEncryption {
		r.header.encryption()
	}
	err := r.container(e.Tag)
	r.end, r.within = end, within
	return err
}

// length takes the length of the header, which tells where the walk ends.
func (r *headerReader) length(length int) error {
	switch {
	case length > len(r.b):
		return malformed("HEADERLENGTH is %d, but the file has %d bytes", length, len(r.b))
	case length < r.at:
		return malformed("HEADERLENGTH is %d, but %d bytes of the header were read before it ended", length, r.at)
	case length%4 != 0:
		return malformed("HEADERLENGTH is %d, which is no multiple of 4", length)
	}
	r.header.Length, r.end, r.within = length, length, "the header"
	return nil
}

// value takes an element that is no container. The lengths of those with a fixed one
// have been checked.
func (r *headerReader) value(e Element, start int) (err error) {
	h, v := r.header, e.Value
	name := headerTagName(e.Tag)
	switch e.Tag {
	case headerVersion:
		h.Version = Version(binary.BigEndian.Uint16(v))
	case headerLength:
		return r.length(int(binary.BigEndian.Uint16(v)))
	case headerSignerVersion:
		h.SignerVersion = Version(binary.BigEndian.Uint16(v))
	case headerSignerName:
		h.SignerName, err = text(name, v)
	case headerSerialNumber:
		h.SignerSerial = v
	case headerCAName:
		h.SignerIssuer, err = text(name, v)
	case headerDigest:
		h.Digest = Digest(v[0])
	case headerAlgorithm:
		h.Algorithm = v[0]
	case headerModulus:
		h.Modulus = v[0]
	case headerSignature:
		h.Signature, r.cut = v, [2]int{start, r.at}
	case headerFileName:
		h.FileName, err = text(name, v)
	case headerTimestamp:
		h.Time = time.Unix(int64(binary.BigEndian.Uint32(v)), 0).UTC()
	default:
		h.encryption().take(e)
	}
	return err
}

// marshal writes the header in the order of certutils, with room for a signature of
// size bytes, and returns where that element begins.
func (h *Header) marshal(size int) (b []byte, cut int, err error) {
	for _, field := range []struct{ what, text string }{
		{"signer's name", h.SignerName}, {"signer's issuer", h.SignerIssuer}, {"file name", h.FileName},
	} {
		if err := checkText(field.what, field.text); err != nil {
			return nil, 0, err
		}
	}
	b = appendElement(b, headerVersion, byte(h.Version>>8), byte(h.Version))
	b = appendElement(b, headerLength, 0, 0)
	if h.SignerVersion != 0 {
		b = appendElement(b, headerSignerVersion, byte(h.SignerVersion>>8), byte(h.SignerVersion))
	}
	signer := appendText(nil, headerSignerName, h.SignerName)
	signer = appendText(signer, headerCAName, h.SignerIssuer)
	signer = appendElement(signer, headerSerialNumber, h.SignerSerial...)
	if len(signer) > math.MaxUint16 {
		return nil, 0, malformed("the signer's name and issuer are too long: %d bytes", len(signer))
	}
	b = appendElement(b, headerSignerID, signer...)

	algorithm := appendElement(nil, headerAlgorithm, h.Algorithm)
	algorithm = appendElement(algorithm, headerModulus, h.Modulus)
	info := appendElement(nil, headerDigest, byte(h.Digest))
	info = appendElement(info, headerAlgorithmInfo, algorithm...)
	b = appendElement(b, headerSignatureInfo, info...)

	cut = len(b)
	b = appendElement(b, headerSignature, make([]byte, size)...)
	b = appendText(b, headerFileName, h.FileName)
	b = appendElement(b, headerTimestamp, binary.BigEndian.AppendUint32(nil, uint32(h.Time.Unix()))...)
	if h.Encryption != nil {
		b = h.Encryption.append(b)
	}
	for _, e := range h.Unknown {
		b = appendElement(b, e.Tag, e.Value...)
	}
	for len(b)%4 != 0 {
		b = append(b, headerPadding)
	}
	if len(b) > math.MaxUint16 {
		return nil, 0, malformed("the header has %d bytes, more than its length can say", len(b))
	}
	binary.BigEndian.PutUint16(b[8:], uint16(len(b)))
	h.Length = len(b)
	return b, cut, nil
}
