package commands

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
)

// trustFile is a file that phones fetch: a trust list or a signed file.
type trustFile struct {
	name string // as the operator calls it
	size int
	list *trustlist.List
	file *trustlist.File
}

// readTrustFile reads a trust list or a signed file.
func readTrustFile(env *Env, name string) (trustFile, error) {
	data, err := env.readInput(name, trustlist.MaxFile)
	if err != nil {
		return trustFile{}, err
	}
	return parseTrustFile(files.InputName(name), data)
}

func parseTrustFile(name string, data []byte) (trustFile, error) {
	l, f, err := trustlist.ParseAny(data)
	if err != nil {
		return trustFile{}, apperr.Refused("reading %s: %v", name, err)
	}
	return trustFile{name, len(data), l, f}, nil
}

// header is that of the list or the signed file.
func (f trustFile) header() trustlist.Header {
	if f.list != nil {
		return f.list.Header
	}
	return f.file.Header
}

// readHeld reads the lists that a phone holds.
func readHeld(env *Env, names []string) ([]*trustlist.List, error) {
	var held []*trustlist.List
	for _, name := range names {
		f, err := readTrustFile(env, name)
		switch {
		case err != nil:
			return nil, err
		case f.list == nil:
			return nil, apperr.Usage("--held: %s is a signed file, and no trust list", f.name)
		}
		if err := f.list.Verify(); err != nil {
			env.say("warning: no phone holds %s: %v", f.name, err)
		}
		held = append(held, f.list)
	}
	return held, nil
}

// trustFileHint is what helps whoever has named a list or signed file where a certificate is
// wanted; "" for another file.
func trustFileHint(data []byte) string {
	if _, err := parseTrustFile("", data); err != nil {
		return ""
	}
	return "it is a trust list or a signed file: capf trust-list show shows it, and --json has its certificates"
}

// showTrustFile prints what a file says, and what a phone with the held lists thinks of
// its signature.
func showTrustFile(env *Env, f trustFile, held []*trustlist.List) error {
	h := f.header()
	fields := []field{
		{"Kind", "kind", f.kind()},
		{"File name", "file_name", h.FileName},
		{"Made", "made_at", h.Time},
		{"Signer", "signer", h.SignerName},
		{"Its issuer", "signer_issuer", h.SignerIssuer},
		{"Its serial", "signer_serial", h.SignerSerial},
		{"Digest", "digest", h.Digest.String()},
	}
	fields = append(fields, f.signatureFields(held)...)
	if f.list != nil {
		fields = append(fields,
			field{"Signer version", "signer_version", signerVersion(h.SignerVersion)},
			field{"Takes EC LSCs", "takes_ec_lsc", f.list.TakesEC()})
	}
	fields = append(fields,
		field{"Layout", "layout", h.Version.String()},
		field{"Header bytes", "header_bytes", h.Length},
		field{"Bytes", "size_bytes", f.size},
		field{labelIf(len(h.Unknown) > 0, "Unknown elements"), "unknown_elements", elementWords(h.Unknown)})
	if f.list != nil {
		return showDocument(env, fields, "records", values(trustRecords(f.list)), trustRecordColumns)
	}
	fields = append(fields, f.bodyFields()...)
	if env.Format == term.Table {
		return showObject(env, fields)
	}
	return showDocument(env, fields, "records", values([]trustRecord(nil)), trustRecordColumns)
}

// kind says what the file is, in the words of phones.
func (f trustFile) kind() string {
	switch {
	case f.list == nil && f.file.Encryption != nil:
		return "encrypted file"
	case f.list == nil:
		return "signed file"
	}
	return "trust list"
}

// signatureFields are the verdict on the signature. A list carries the certificate of its
// signer; a signed file does not, so that a list is needed.
func (f trustFile) signatureFields(held []*trustlist.List) []field {
	var valid any
	words := "unknown without the phone's list: --held FILE"
	switch {
	case f.list != nil:
		err := f.list.Verify()
		valid, words = err == nil, verdictWords(err)
	case len(held) > 0:
		v := trustlist.JudgeFile(held, f.file)
		words = string(v.Outcome) + ": " + v.Reason
		if v.Outcome != trustlist.AskTVS {
			valid = v.Outcome == trustlist.Accepted
		}
	}
	return []field{{"", "signature_valid", valid}, {"Signature", "signature", words}}
}

func verdictWords(err error) string {
	if err != nil {
		return "not valid: " + err.Error()
	}
	return "valid"
}

func (f trustFile) bodyFields() []field {
	fields := []field{{"Body bytes", "body_bytes", len(f.file.Body)}}
	if e := f.file.Encryption; e != nil {
		fields = append(fields,
			field{"Encrypted for", "encrypted_for", fmt.Sprintf("an RSA key of %d bits", e.KeyBits)},
			field{"Plain digest", "plain_digest", e.Digest.String()},
			field{"Plain sum", "plain_sum", e.Sum})
	}
	return fields
}

// signerVersion is empty where the list has none.
func signerVersion(v trustlist.Version) string {
	if v == 0 {
		return ""
	}
	return v.String()
}

// labelIf is a label for people, if there is something to show.
func labelIf(shown bool, label string) string {
	if shown {
		return label
	}
	return ""
}

// elementWords are elements that capf does not know, as tag=value.
func elementWords(elements []trustlist.Element) []string {
	var words []string
	for _, e := range elements {
		words = append(words, fmt.Sprintf("%d=%s", e.Tag, hex.EncodeToString(e.Value)))
	}
	return words
}

// trustRecord is a record as it is shown, with its certificate if that can be read.
type trustRecord struct {
	trustlist.Record
	number   int
	signs    bool
	key, pem string
	ends     time.Time
	begins   time.Time
	print    []byte
	sha1     []byte
}

func trustRecords(l *trustlist.List) []trustRecord {
	signer, _ := l.Signer() // whose absence is part of the verdict
	var rows []trustRecord
	for i := range l.Records {
		r := trustRecord{Record: l.Records[i], number: i + 1, signs: signer == &l.Records[i]}
		if cert, err := r.Certificate(); err == nil {
			r.key, r.pem = keyWords(cert), string(crypto.CertificatePEM(cert.Raw))
			r.begins, r.ends = cert.NotBefore, cert.NotAfter
			r.print, r.sha1 = sha256Of(cert.Raw), sha1Of(cert.Raw)
		} else if len(r.DER) > 0 {
			r.key = "unreadable certificate"
		} else {
			r.key = "no certificate"
		}
		rows = append(rows, r)
	}
	return rows
}

// trustRecordColumns are the properties of a record of a trust list.
var trustRecordColumns = []column[trustRecord]{
	{"Record", "record", always, func(r trustRecord) any { return r.number }},
	{"Role", "role", always, func(r trustRecord) any { return r.Role.String() }},
	{"Subject", "subject", always, func(r trustRecord) any { return r.Subject }},
	{"Issuer", "issuer", wide, func(r trustRecord) any { return r.Issuer }},
	{"Serial", "serial", seldom, func(r trustRecord) any { return r.Serial }},
	{"Key", "key", usual, func(r trustRecord) any { return r.key }},
	{"Valid from", "not_before", wide, func(r trustRecord) any { return r.begins }},
	{"Valid until", "not_after", usual, func(r trustRecord) any { return r.ends }},
	{"Signs the list", "signs", seldom, func(r trustRecord) any { return r.signs }},
	{"Host", "host", seldom, func(r trustRecord) any { return r.DNSName }},
	{"Address", "address", wide, func(r trustRecord) any { return addressWords(r.Address) }},
	{"SHA-256", "fingerprint_sha256", wide, func(r trustRecord) any { return r.print }},
	{"SHA-1", "fingerprint_sha1", wide, func(r trustRecord) any { return r.sha1 }},
	{"Unknown elements", "unknown_elements", wide, func(r trustRecord) any { return elementWords(r.Unknown) }},
	{"", "pem", wide, func(r trustRecord) any { return r.pem }},
}

// addressWords is an address, or the bytes of something else.
func addressWords(b []byte) string {
	if a, ok := netip.AddrFromSlice(b); ok {
		return a.String()
	}
	return hex.EncodeToString(b)
}
