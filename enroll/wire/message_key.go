package wire

import "encoding/binary"

// KeyGenerateRequest asks for a new key. It has three forms on the wire:
// KEY_SIZE alone (version 2), KEY_SIZE and KEY_TYPE (RSA), KEY_TYPE and CURVE
// (EC).
type KeyGenerateRequest struct {
	Type     KeyType
	Size     uint16 // bits, RSA
	Curve    Curve  // EC; an unknown curve is not refused here
	SizeOnly bool   // the version-2 form; only with RSA
}

// Frame builds the KEY_GENERATE_REQUEST.
func (m KeyGenerateRequest) Frame(session uint32) Frame {
	kind := byteElement(TagKeyType, m.Type)
	size := Element{TagKeySize, binary.BigEndian.AppendUint16(nil, m.Size)}
	f := Frame{Command: CmdKeyGenerateRequest, Session: session}
	switch {
	case m.Type == EC:
		f.Elements = []Element{kind, byteElement(TagCurve, m.Curve)}
	case m.SizeOnly:
		f.Elements = []Element{size}
	default:
		f.Elements = []Element{size, kind}
	}
	return f
}

// ParseKeyGenerateRequest reads a KEY_GENERATE_REQUEST of one of the three
// forms; an error wraps ErrMalformed.
func ParseKeyGenerateRequest(f Frame) (KeyGenerateRequest, error) {
	if err := f.expect(CmdKeyGenerateRequest); err != nil {
		return KeyGenerateRequest{}, err
	}
	m := KeyGenerateRequest{Type: KeyType(f.byte(TagKeyType))} // absent means RSA
	size, hasSize := f.value(TagKeySize)
	hasCurve := f.has(TagCurve)
	switch {
	case m.Type == RSA && hasSize && !hasCurve:
		m.Size = binary.BigEndian.Uint16(size)
		m.SizeOnly = !f.has(TagKeyType)
	case m.Type == EC && hasCurve && !hasSize:
		m.Curve = Curve(f.byte(TagCurve))
	case m.Type != RSA && m.Type != EC:
		return KeyGenerateRequest{}, malformed("%v is not known", m.Type)
	default:
		return KeyGenerateRequest{}, malformed("%v for %v needs one size or curve, its own", f.Command, m.Type)
	}
	return m, nil
}

// KeyGenerateResponse carries the public key, or the reason why there is
// none.
type KeyGenerateResponse struct {
	PublicKey []byte // DER SubjectPublicKeyInfo, not parsed here; nil on failure
	Reason    Reason // captured phones send none with a key
	HasReason bool
}

// Frame builds the KEY_GENERATE_RESPONSE.
func (m KeyGenerateResponse) Frame(session uint32) Frame {
	f := Frame{Command: CmdKeyGenerateResponse, Session: session}
	if m.HasReason {
		f.Elements = append(f.Elements, byteElement(TagReason, m.Reason))
	}
	if m.PublicKey != nil {
		f.Elements = append(f.Elements, Element{TagPublicKey, m.PublicKey})
	}
	return f
}

// ParseKeyGenerateResponse reads a KEY_GENERATE_RESPONSE. One without a key
// must have a reason other than success. An error wraps ErrMalformed.
func ParseKeyGenerateResponse(f Frame) (KeyGenerateResponse, error) {
	if err := f.expect(CmdKeyGenerateResponse); err != nil {
		return KeyGenerateResponse{}, err
	}
	m := KeyGenerateResponse{Reason: f.reason(), HasReason: f.has(TagReason)}
	m.PublicKey, _ = f.value(TagPublicKey)
	if m.PublicKey == nil && (!m.HasReason || m.Reason == ReasonSuccess) {
		return KeyGenerateResponse{}, malformed("%v without %v", f.Command, TagPublicKey)
	}
	return m, nil
}

// EncryptRequest asks the phone to prove possession of its new key by signing
// with it. The form is our reading; no capture has turned up yet.
type EncryptRequest struct {
	Digest     DigestType
	SignedData []byte // the digest to be signed
}

// Frame builds the ENCRYPT_REQUEST.
func (m EncryptRequest) Frame(session uint32) Frame {
	return Frame{CmdEncryptRequest, session, []Element{
		{TagSignedData, m.SignedData},
		byteElement(TagDigestType, m.Digest),
	}}
}

// ParseEncryptRequest reads an ENCRYPT_REQUEST; an error wraps ErrMalformed.
func ParseEncryptRequest(f Frame) (EncryptRequest, error) {
	if err := f.expect(CmdEncryptRequest, TagDigestType, TagSignedData); err != nil {
		return EncryptRequest{}, err
	}
	m := EncryptRequest{Digest: DigestType(f.byte(TagDigestType))}
	m.SignedData, _ = f.value(TagSignedData)
	return m, nil
}

// EncryptResponse answers an EncryptRequest. With ReasonSuccess, SignedData is
// the signature; otherwise it may be nil.
type EncryptResponse struct {
	Reason     Reason
	SignedData []byte
}

// Frame builds the ENCRYPT_RESPONSE.
func (m EncryptResponse) Frame(session uint32) Frame {
	f := Frame{CmdEncryptResponse, session, []Element{byteElement(TagReason, m.Reason)}}
	if m.SignedData != nil {
		f.Elements = append(f.Elements, Element{TagSignedData, m.SignedData})
	}
	return f
}

// ParseEncryptResponse reads an ENCRYPT_RESPONSE; an error wraps ErrMalformed.
func ParseEncryptResponse(f Frame) (EncryptResponse, error) {
	if err := f.expect(CmdEncryptResponse, TagReason); err != nil {
		return EncryptResponse{}, err
	}
	m := EncryptResponse{Reason: f.reason()}
	m.SignedData, _ = f.value(TagSignedData)
	if m.Reason == ReasonSuccess && m.SignedData == nil {
		return EncryptResponse{}, malformed("%v without %v", f.Command, TagSignedData)
	}
	return m, nil
}
