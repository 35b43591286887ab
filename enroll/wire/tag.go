package wire

// Tag says what the value of an element means. Which values a tag may have is
// checked in element.go.
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

// String returns the protocol's name of the element, or TAG_n.
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
