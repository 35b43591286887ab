package wire

// StoreRequest gives the phone its new certificate.
type StoreRequest struct {
	Type        CertificateType // of CERTIFICATE_TYPE
	Certificate Certificate
}

// Frame builds the STORE_CERTIFICATE_REQUEST.
func (m StoreRequest) Frame(session uint32) Frame {
	return Frame{CmdStoreCertificateRequest, session, []Element{
		byteElement(TagCertificateType, m.Type),
		{TagCertificate, m.Certificate.Value()},
	}}
}

// ParseStoreRequest reads a STORE_CERTIFICATE_REQUEST; an error wraps
// ErrMalformed. Whether its two types agree is not checked.
func ParseStoreRequest(f Frame) (StoreRequest, error) {
	if err := f.expect(CmdStoreCertificateRequest, TagCertificateType, TagCertificate); err != nil {
		return StoreRequest{}, err
	}
	return StoreRequest{CertificateType(f.byte(TagCertificateType)), *f.certificate()}, nil
}

// StoreResponse says whether the phone stored the certificate.
type StoreResponse struct{ Reason Reason }

// Frame builds the STORE_CERTIFICATE_RESPONSE.
func (m StoreResponse) Frame(session uint32) Frame {
	return reasonFrame(CmdStoreCertificateResponse, session, m.Reason)
}

// ParseStoreResponse reads a STORE_CERTIFICATE_RESPONSE; an error wraps
// ErrMalformed.
func ParseStoreResponse(f Frame) (StoreResponse, error) {
	r, err := reasonOnly(f, CmdStoreCertificateResponse)
	return StoreResponse{r}, err
}

// FetchRequest asks for a certificate of the phone. Type 0 leaves the choice
// to the phone; captured servers do so and get the LSC.
type FetchRequest struct{ Type CertificateType }

// Frame builds the FETCH_CERTIFICATE_REQUEST.
func (m FetchRequest) Frame(session uint32) Frame {
	f := Frame{Command: CmdFetchCertificateRequest, Session: session}
	if m.Type != 0 {
		f.Elements = []Element{byteElement(TagCertificateType, m.Type)}
	}
	return f
}

// ParseFetchRequest reads a FETCH_CERTIFICATE_REQUEST; an error wraps
// ErrMalformed.
func ParseFetchRequest(f Frame) (FetchRequest, error) {
	if err := f.expect(CmdFetchCertificateRequest); err != nil {
		return FetchRequest{}, err
	}
	return FetchRequest{CertificateType(f.byte(TagCertificateType))}, nil
}

// FetchResponse answers a FetchRequest. Certificate is nil when the phone sent
// none.
type FetchResponse struct {
	Reason      Reason
	Certificate *Certificate
}

// Frame builds the FETCH_CERTIFICATE_RESPONSE.
func (m FetchResponse) Frame(session uint32) Frame {
	f := reasonFrame(CmdFetchCertificateResponse, session, m.Reason)
	if m.Certificate != nil {
		f.Elements = append(f.Elements, Element{TagCertificate, m.Certificate.Value()})
	}
	return f
}

// ParseFetchResponse reads a FETCH_CERTIFICATE_RESPONSE; an error wraps
// ErrMalformed.
func ParseFetchResponse(f Frame) (FetchResponse, error) {
	if err := f.expect(CmdFetchCertificateResponse, TagReason); err != nil {
		return FetchResponse{}, err
	}
	return FetchResponse{f.reason(), f.certificate()}, nil
}

// DeleteRequest asks the phone to delete its LSC.
type DeleteRequest struct{}

// Frame builds the DELETE_CERTIFICATE_REQUEST.
func (m DeleteRequest) Frame(session uint32) Frame {
	return Frame{Command: CmdDeleteCertificateRequest, Session: session}
}

// ParseDeleteRequest reads a DELETE_CERTIFICATE_REQUEST; an error wraps
// ErrMalformed.
func ParseDeleteRequest(f Frame) (DeleteRequest, error) {
	return DeleteRequest{}, f.expect(CmdDeleteCertificateRequest)
}

// DeleteResponse says whether the phone deleted its LSC.
type DeleteResponse struct{ Reason Reason }

// Frame builds the DELETE_CERTIFICATE_RESPONSE.
func (m DeleteResponse) Frame(session uint32) Frame {
	return reasonFrame(CmdDeleteCertificateResponse, session, m.Reason)
}

// ParseDeleteResponse reads a DELETE_CERTIFICATE_RESPONSE; an error wraps
// ErrMalformed.
func ParseDeleteResponse(f Frame) (DeleteResponse, error) {
	r, err := reasonOnly(f, CmdDeleteCertificateResponse)
	return DeleteResponse{r}, err
}
