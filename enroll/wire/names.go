package wire

import (
	"crypto"
	"fmt"
)

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
	return name(t, "TAG_%d", []string{
		TagReason:          "REASON",
		TagReasonInfo:      "REASON_INFO",
		TagCertificateType: "CERTIFICATE_TYPE",
		TagCertificate:     "CERTIFICATE",
		TagCertificateID:   "CERTIFICATE_ID",
		TagSignedData:      "SIGNED_DATA",
		TagVersion:         "VERSION",
		TagAuthType:        "AUTH_TYPE",
		TagPublicKey:       "PUBLIC_KEY",
		TagKeySize:         "KEY_SIZE",
		TagPassword:        "PASSWORD",
		TagRetryDelay:      "RETRY_DELAY",
		TagDeviceName:      "DEVICE_NAME",
		TagSUDIData:        "SUDI_DATA",
		TagKeyType:         "KEY_TYPE",
		TagCurve:           "CURVE",
		TagDigestType:      "DIGEST_TYPE",
		TagSHA2SignedData:  "SHA2_SIGNED_DATA",
	})
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
	return name(r, "reason %d", []string{
		ReasonNoAction: "no action", ReasonSuccess: "success", ReasonDeclined: "declined", ReasonUnknownDevice: "unknown device",
	})
}

// CertificateType tells the two certificates of a phone apart.
type CertificateType byte

const (
	TypeLSC CertificateType = 1 // locally significant: issued through CAPF
	TypeMIC CertificateType = 2 // installed by the manufacturer
)

// String is LSC, MIC or "certificate type n".
func (t CertificateType) String() string {
	return name(t, "certificate type %d", []string{TypeLSC: "LSC", TypeMIC: "MIC"})
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
	return name(t, "key type %d", []string{RSA: "RSA", EC: "EC"})
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
	return name(c, "curve %d", []string{P256: "P-256", P384: "P-384", P521: "P-521"})
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
	return name(d, "digest type %d", []string{SHA1: "SHA-1", SHA256: "SHA-256", SHA512: "SHA-512"})
}

// Hash is the hash of the type, 0 of one that is not known.
func (d DigestType) Hash() crypto.Hash {
	switch d {
	case SHA1:
		return crypto.SHA1
	case SHA256:
		return crypto.SHA256
	case SHA512:
		return crypto.SHA512
	}
	return 0
}

// name is what stands for v in names, or else v in the form for what has none.
func name[T ~byte](v T, otherwise string, names []string) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return fmt.Sprintf(otherwise, byte(v))
}
