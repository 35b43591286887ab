package wire

import "fmt"

// ProtocolID is the first byte of every frame.
const ProtocolID = 0x55

// Command says what a frame asks for or answers.
type Command byte

// The commands of the protocol. Nobody has seen 7, 8, 18, 19, 22 and 23 on a
// wire; they have names here so that a log can name them.
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

// String is the protocol's name of the command, or COMMAND_n.
func (c Command) String() string {
	switch c {
	case CmdAuthRequest:
		return "AUTH_REQUEST"
	case CmdAuthResponse:
		return "AUTH_RESPONSE"
	case CmdKeyGenerateRequest:
		return "KEY_GENERATE_REQUEST"
	case CmdKeyGenerateResponse:
		return "KEY_GENERATE_RESPONSE"
	case CmdEncryptRequest:
		return "ENCRYPT_REQUEST"
	case CmdEncryptResponse:
		return "ENCRYPT_RESPONSE"
	case CmdDecryptRequest:
		return "DECRYPT_REQUEST"
	case CmdDecryptResponse:
		return "DECRYPT_RESPONSE"
	case CmdStoreCertificateRequest:
		return "STORE_CERTIFICATE_REQUEST"
	case CmdStoreCertificateResponse:
		return "STORE_CERTIFICATE_RESPONSE"
	case CmdFetchCertificateRequest:
		return "FETCH_CERTIFICATE_REQUEST"
	case CmdFetchCertificateResponse:
		return "FETCH_CERTIFICATE_RESPONSE"
	case CmdDeleteCertificateRequest:
		return "DELETE_CERTIFICATE_REQUEST"
	case CmdDeleteCertificateResponse:
		return "DELETE_CERTIFICATE_RESPONSE"
	case CmdEndSession:
		return "END_SESSION"
	case CmdRetryLater:
		return "RETRY_LATER"
	case CmdRequestInProgress:
		return "REQUEST_IN_PROGRESS"
	case CmdStatusRequest:
		return "STATUS_REQUEST"
	case CmdStatusResponse:
		return "STATUS_RESPONSE"
	case CmdAbortRequest:
		return "ABORT_REQUEST"
	case CmdAbortResponse:
		return "ABORT_RESPONSE"
	case CmdSignCertificateRequest:
		return "SIGN_CERTIFICATE_REQUEST"
	case CmdSignCertificateResponse:
		return "SIGN_CERTIFICATE_RESPONSE"
	}
	return fmt.Sprintf("COMMAND_%d", byte(c))
}

// Tag says what the value of an element means.
type Tag byte

// The tags of the protocol. 14 and 15 have never been seen.
const (
	TagReason          Tag = 1
	TagReasonInfo      Tag = 2
	TagCertificateType Tag = 3
	TagCertificate     Tag = 4
	TagCertificateID   Tag = 5
	TagSignedData      Tag = 6
	TagVersion         Tag = 7
	TagAuthType        Tag = 8
	TagPublicKey       Tag = 9
	TagKeySize         Tag = 10
	TagPassword        Tag = 11
	TagRetryDelay      Tag = 12
	TagDeviceName      Tag = 13
	TagSUDIData        Tag = 16
	TagKeyType         Tag = 17
	TagCurve           Tag = 18
	TagDigestType      Tag = 19
	TagSHA2SignedData  Tag = 20
)

func (t Tag) known() bool {
	return t >= TagReason && t <= TagDeviceName || t >= TagSUDIData && t <= TagSHA2SignedData
}

// String is the protocol's name of the element, or TAG_n.
func (t Tag) String() string {
	switch t {
	case TagReason:
		return "REASON"
	case TagReasonInfo:
		return "REASON_INFO"
	case TagCertificateType:
		return "CERTIFICATE_TYPE"
	case TagCertificate:
		return "CERTIFICATE"
	case TagCertificateID:
		return "CERTIFICATE_ID"
	case TagSignedData:
		return "SIGNED_DATA"
	case TagVersion:
		return "VERSION"
	case TagAuthType:
		return "AUTH_TYPE"
	case TagPublicKey:
		return "PUBLIC_KEY"
	case TagKeySize:
		return "KEY_SIZE"
	case TagPassword:
		return "PASSWORD"
	case TagRetryDelay:
		return "RETRY_DELAY"
	case TagDeviceName:
		return "DEVICE_NAME"
	case TagSUDIData:
		return "SUDI_DATA"
	case TagKeyType:
		return "KEY_TYPE"
	case TagCurve:
		return "CURVE"
	case TagDigestType:
		return "DIGEST_TYPE"
	case TagSHA2SignedData:
		return "SHA2_SIGNED_DATA"
	}
	return fmt.Sprintf("TAG_%d", byte(t))
}

// Reason is how a step or a session ended. Other values than the four named
// here exist, but what they mean is not known.
type Reason byte

const (
	ReasonNoAction      Reason = 0 // nothing is scheduled for the device
	ReasonSuccess       Reason = 1 // also what a phone sends in AUTH_RESPONSE
	ReasonDeclined      Reason = 7 // wrong authentication, a malformed request; to a version-2 client, nothing scheduled
	ReasonUnknownDevice Reason = 9
)

// String is the reason in words, or "reason n".
func (r Reason) String() string {
	switch r {
	case ReasonNoAction:
		return "no action"
	case ReasonSuccess:
		return "success"
	case ReasonDeclined:
		return "declined"
	case ReasonUnknownDevice:
		return "unknown device"
	}
	return fmt.Sprintf("reason %d", byte(r))
}

// CertificateType tells the two certificates of a phone apart.
type CertificateType byte

const (
	LSC CertificateType = 1 // locally significant: issued through CAPF
	MIC CertificateType = 2 // installed by the manufacturer
)

// String is LSC, MIC or "certificate type n".
func (t CertificateType) String() string {
	switch t {
	case LSC:
		return "LSC"
	case MIC:
		return "MIC"
	}
	return fmt.Sprintf("certificate type %d", byte(t))
}

// AuthType is how a phone is to prove who it is.
type AuthType byte

const (
	AuthNone       AuthType = 0 // what the captured servers send, whatever the mode
	AuthString     AuthType = 1
	AuthNullString AuthType = 2
	AuthLSC        AuthType = 3
	AuthMIC        AuthType = 4
)

// KeyType is the kind of key a phone is asked for.
type KeyType byte

const (
	RSA KeyType = 0
	EC  KeyType = 1
)

// String is RSA, EC or "key type n".
func (t KeyType) String() string {
	switch t {
	case RSA:
		return "RSA"
	case EC:
		return "EC"
	}
	return fmt.Sprintf("key type %d", byte(t))
}

// Curve is the curve of an EC key.
type Curve byte

const (
	P256 Curve = 0
	P384 Curve = 1
	P521 Curve = 2
)

// String is P-256, P-384, P-521 or "curve n".
func (c Curve) String() string {
	switch c {
	case P256:
		return "P-256"
	case P384:
		return "P-384"
	case P521:
		return "P-521"
	}
	return fmt.Sprintf("curve %d", byte(c))
}

// DigestType is the hash that a signature covers.
type DigestType byte

const (
	SHA1   DigestType = 1
	SHA256 DigestType = 2
	SHA512 DigestType = 3
)

// String is SHA-1, SHA-256, SHA-512 or "digest type n".
func (d DigestType) String() string {
	switch d {
	case SHA1:
		return "SHA-1"
	case SHA256:
		return "SHA-256"
	case SHA512:
		return "SHA-512"
	}
	return fmt.Sprintf("digest type %d", byte(d))
}
