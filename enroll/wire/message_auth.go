package wire

import "bytes"

// AuthRequest opens a session. In captures it has AUTH_TYPE towards
// hardware phones and not towards a softphone.
type AuthRequest struct {
	Version     byte
	AuthType    AuthType
	HasAuthType bool
}

// Frame builds the AUTH_REQUEST.
func (m AuthRequest) Frame(session uint32) Frame {
	f := Frame{CmdAuthRequest, session, []Element{byteElement(TagVersion, m.Version)}}
	if m.HasAuthType {
		f.Elements = append(f.Elements, byteElement(TagAuthType, m.AuthType))
	}
	return f
}

// ParseAuthRequest reads an AUTH_REQUEST; an error wraps ErrMalformed.
func ParseAuthRequest(f Frame) (AuthRequest, error) {
	if err := f.expect(CmdAuthRequest, TagVersion); err != nil {
		return AuthRequest{}, err
	}
	return AuthRequest{
		Version:     f.byte(TagVersion),
		AuthType:    AuthType(f.byte(TagAuthType)),
		HasAuthType: f.has(TagAuthType),
	}, nil
}

// AuthResponse is how the phone identifies itself and proves who it is.
type AuthResponse struct {
	Version     byte
	Device      string // without its NUL
	Reason      Reason
	Password    []byte // without its NUL; nil when absent, empty when it is the NUL alone
	AuthType    AuthType
	HasAuthType bool
	// The proof by an existing certificate; nil when absent.
	Certificate *Certificate
	SignedData  []byte // over the SHA-1 of SignedText
	SHA2        *SHA2Signature
	SUDI        *SUDI
}

// Frame builds the AUTH_RESPONSE. Hardware phones send its elements in the
// order of their tags. The softphone of the captures, which speaks version 2,
// sends VERSION, DEVICE_NAME, REASON; where it would put others is not known,
// so here they follow those.
func (m AuthResponse) Frame(session uint32) Frame {
	version := byteElement(TagVersion, m.Version)
	device := Element{TagDeviceName, nulTerminated([]byte(m.Device))}
	reason := byteElement(TagReason, m.Reason)

	old := m.Version < 3
	var es []Element
	if old {
		es = append(es, version, device, reason)
	} else {
		es = append(es, reason)
	}
	if m.Certificate != nil {
		es = append(es, Element{TagCertificate, m.Certificate.Value()})
	}
	if m.SignedData != nil {
		es = append(es, Element{TagSignedData, m.SignedData})
	}
	if !old {
		es = append(es, version)
	}
	if m.HasAuthType {
		es = append(es, byteElement(TagAuthType, m.AuthType))
	}
	if m.Password != nil {
		es = append(es, Element{TagPassword, nulTerminated(m.Password)})
	}
	if !old {
		es = append(es, device)
	}
	if m.SUDI != nil {
		es = append(es, Element{TagSUDIData, m.SUDI.Value()})
	}
	if m.SHA2 != nil {
		es = append(es, Element{TagSHA2SignedData, m.SHA2.Value()})
	}
	return Frame{CmdAuthResponse, session, es}
}

// ParseAuthResponse reads an AUTH_RESPONSE; an error wraps ErrMalformed. The
// byte slices alias the frame. Nothing is verified: a signature without a
// certificate is accepted here.
func ParseAuthResponse(f Frame) (AuthResponse, error) {
	err := f.expect(CmdAuthResponse, TagVersion, TagDeviceName, TagReason)
	if err != nil {
		return AuthResponse{}, err
	}
	m := AuthResponse{
		Version:     f.byte(TagVersion),
		Reason:      f.reason(),
		AuthType:    AuthType(f.byte(TagAuthType)),
		HasAuthType: f.has(TagAuthType),
		Certificate: f.certificate(),
	}
	name, _ := f.value(TagDeviceName)
	m.Device = string(bytes.TrimSuffix(name, []byte{0}))
	if v, ok := f.value(TagPassword); ok {
		m.Password = v[:len(v)-1]
	}
	m.SignedData, _ = f.value(TagSignedData)
	if v, ok := f.value(TagSHA2SignedData); ok {
		sig, _ := ParseSHA2Signature(v) // expect has checked it
		m.SHA2 = &sig
	}
	if v, ok := f.value(TagSUDIData); ok {
		sudi, _ := ParseSUDI(v)
		m.SUDI = &sudi
	}
	return m, nil
}
