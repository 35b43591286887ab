package wire

// ProtocolID is the first byte of every frame.
const ProtocolID = 0x55

// Command says what a frame asks for or answers.
type Command byte

// The commands of the protocol. 7, 8, 18, 19, 22 and 23 have never been
// seen on a wire; they have names here so that a log can name them.
const (
	CmdAuthRequest Command = iota + 1
	CmdAuthResponse
	CmdKeyGenerateRequest
	CmdKeyGenerateResponse
	CmdEncryptRequest
	CmdEncryptResponse
	CmdDecryptRequest
	CmdDecryptResponse
	CmdStoreCertificateRequest
	CmdStoreCertificateResponse
	CmdFetchCertificateRequest
	CmdFetchCertificateResponse
	CmdDeleteCertificateRequest
	CmdDeleteCertificateResponse
	CmdEndSession
	CmdRetryLater
	CmdRequestInProgress
	CmdStatusRequest
	CmdStatusResponse
	CmdAbortRequest
	CmdAbortResponse
	CmdSignCertificateRequest
	CmdSignCertificateResponse
)

// String returns the protocol's name of the command, or COMMAND_n.
func (c Command) String() string {
	return name(c, "COMMAND_%d", []string{
		CmdAuthRequest:               "AUTH_REQUEST",
		CmdAuthResponse:              "AUTH_RESPONSE",
		CmdKeyGenerateRequest:        "KEY_GENERATE_REQUEST",
		CmdKeyGenerateResponse:       "KEY_GENERATE_RESPONSE",
		CmdEncryptRequest:            "ENCRYPT_REQUEST",
		CmdEncryptResponse:           "ENCRYPT_RESPONSE",
		CmdDecryptRequest:            "DECRYPT_REQUEST",
		CmdDecryptResponse:           "DECRYPT_RESPONSE",
		CmdStoreCertificateRequest:   "STORE_CERTIFICATE_REQUEST",
		CmdStoreCertificateResponse:  "STORE_CERTIFICATE_RESPONSE",
		CmdFetchCertificateRequest:   "FETCH_CERTIFICATE_REQUEST",
		CmdFetchCertificateResponse:  "FETCH_CERTIFICATE_RESPONSE",
		CmdDeleteCertificateRequest:  "DELETE_CERTIFICATE_REQUEST",
		CmdDeleteCertificateResponse: "DELETE_CERTIFICATE_RESPONSE",
		CmdEndSession:                "END_SESSION",
		CmdRetryLater:                "RETRY_LATER",
		CmdRequestInProgress:         "REQUEST_IN_PROGRESS",
		CmdStatusRequest:             "STATUS_REQUEST",
		CmdStatusResponse:            "STATUS_RESPONSE",
		CmdAbortRequest:              "ABORT_REQUEST",
		CmdAbortResponse:             "ABORT_RESPONSE",
		CmdSignCertificateRequest:    "SIGN_CERTIFICATE_REQUEST",
		CmdSignCertificateResponse:   "SIGN_CERTIFICATE_RESPONSE",
	})
}
