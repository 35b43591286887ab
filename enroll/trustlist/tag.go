package trustlist

import "fmt"

// The tags of a header, a number space of its own.
const (
	headerVersion               = 1
	headerLength                = 2
	headerSignerID              = 3
	headerSignerName            = 4
	headerSerialNumber          = 5
	headerCAName                = 6
	headerSignatureInfo         = 7
	headerDigest                = 8
	headerAlgorithmInfo         = 9
	headerAlgorithm             = 10
	headerModulus               = 11
	headerSignature             = 12
	headerPadding               = 13
	headerFileName              = 14
	headerTimestamp             = 15
	headerEncryption            = 16
	headerDataInfo              = 17
	headerDataUnknown           = 18
	headerIV                    = 19
	headerPlainPadding          = 20
	headerKeyInfo               = 21
	headerKeyUnknown            = 22
	headerKeyBits               = 23
	headerKeyAlgorithm          = 24
	headerKey                   = 25
	headerPlainDigest           = 26
	headerPlainDigestValue      = 27
	headerSignerVersion         = 28
	outside                byte = 0 // in no container
)

// headerRule is what is known of a tag of the header: its name, the container in which
// it stands, and its length in bytes, -1 where that varies.
type headerRule struct {
	name      string
	parent    byte
	length    int
	container bool
}

var headerRules = map[byte]headerRule{
	headerVersion:          {"VERSION", outside, 2, false},
	headerLength:           {"HEADERLENGTH", outside, 2, false},
	headerSignerID:         {"SIGNERID", outside, -1, true},
	headerSignerName:       {"SIGNERNAME", headerSignerID, -1, false},
	headerSerialNumber:     {"SERIALNUMBER", headerSignerID, -1, false},
	headerCAName:           {"CANAME", headerSignerID, -1, false},
	headerSignatureInfo:    {"SIGNATUREINFO", outside, -1, true},
	headerDigest:           {"DIGESTALGORITHM", headerSignatureInfo, 1, false},
	headerAlgorithmInfo:    {"SIGNATUREALGOINFO", headerSignatureInfo, -1, true},
	headerAlgorithm:        {"SIGNATUREALGORITHM", headerAlgorithmInfo, 1, false},
	headerModulus:          {"SIGNATUREMODULUS", headerAlgorithmInfo, 1, false},
	headerSignature:        {"SIGNATURE", outside, -1, false},
	headerFileName:         {"FILENAME", outside, -1, false},
	headerTimestamp:        {"TIMESTAMP", outside, 4, false},
	headerEncryption:       {"ENCRYPTIONINFO", outside, -1, true},
	headerDataInfo:         {"ENCRYPTIONDATAINFO", headerEncryption, -1, true},
	headerDataUnknown:      {"element 18", headerDataInfo, -1, false},
	headerIV:               {"IV", headerDataInfo, 16, false},
	headerPlainPadding:     {"PLAINPADDING", headerDataInfo, 2, false},
	headerKeyInfo:          {"KEYINFO", headerEncryption, -1, true},
	headerKeyUnknown:       {"element 22", headerKeyInfo, -1, false},
	headerKeyBits:          {"KEYBITS", headerKeyInfo, 2, false},
	headerKeyAlgorithm:     {"KEYALGORITHM", headerKeyInfo, 1, false},
	headerKey:              {"KEY", headerKeyInfo, -1, false},
	headerPlainDigest:      {"PLAINDIGESTALGORITHM", outside, 1, false},
	headerPlainDigestValue: {"PLAINDIGEST", outside, -1, false},
	headerSignerVersion:    {"SIGNERVERSION", outside, 2, false},
}

func headerTagName(tag byte) string {
	if rule, ok := headerRules[tag]; ok {
		return rule.name
	}
	return fmt.Sprintf("element %d", tag)
}

// The tags of a record, another number space: 13 is an ordinary tag in it.
const (
	recordLength      = 1
	recordDNSName     = 2
	recordSubject     = 3
	recordRole        = 4
	recordIssuer      = 5
	recordSerial      = 6
	recordPublicKey   = 7
	recordSignature   = 8
	recordCertificate = 9
	recordAddress     = 10
)

var recordTagNames = map[byte]string{
	recordLength:      "RECORDLENGTH",
	recordDNSName:     "DNSNAME",
	recordSubject:     "SUBJECTNAME",
	recordRole:        "FUNCTION",
	recordIssuer:      "ISSUERNAME",
	recordSerial:      "SERIALNUMBER",
	recordPublicKey:   "PUBLICKEY",
	recordSignature:   "SIGNATURE",
	recordCertificate: "CERTIFICATE",
	recordAddress:     "IPADDRESS",
}

func recordTagName(tag byte) string {
	if name, ok := recordTagNames[tag]; ok {
		return name
	}
	return fmt.Sprintf("element %d", tag)
}
