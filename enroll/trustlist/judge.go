package trustlist

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
)

// Outcome is what a phone does with a list or a signed file.
type Outcome string

// The outcomes.
const (
	LeapOfFaith Outcome = "leap of faith" // accepted, because the phone holds no list
	Accepted    Outcome = "accepted"
	AskTVS      Outcome = "ask TVS" // the signer is unknown; a TVS server may vouch for it
	Refused     Outcome = "refused" // what the phone holds stays
)

// Verdict says what a phone does, and why.
type Verdict struct {
	Outcome Outcome
	Reason  string  // a clause, without a full stop
	Signer  *Record // in a list: its own record of the signer; of a file: the held record. nil where there is none
}

// Judge says what a phone that holds these lists, a CTL, an ITL, both or none, does with
// the next one.
func Judge(held []*List, next *List) Verdict {
	if err := next.Verify(); err != nil {
		return Verdict{Outcome: Refused, Reason: err.Error()}
	}
	signer, _ := next.Signer() // Verify has found it
	v := Verdict{Signer: signer}
	if len(held) == 0 {
		v.Outcome, v.Reason = LeapOfFaith, "the phone holds no list, and takes the first one from anybody"
		return v
	}
	v.Outcome, v.Reason = judgeSigner(held, &next.Header, RoleSAST, func(known *Record) error {
		if !sameCertificate(known, signer) {
			return errors.New("the phone's list has another certificate with the signer's issuer and serial number")
		}
		return nil
	})
	return v
}

// JudgeFile says what a phone that holds these lists does with a signed file. It has no
// rule for a phone without lists, which asks for no signed files.
func JudgeFile(held []*List, f *File) Verdict {
	var v Verdict
	v.Outcome, v.Reason = judgeSigner(held, &f.Header, RoleTFTP, func(known *Record) error {
		v.Signer = known
		key, err := known.key()
		if err != nil {
			return fmt.Errorf("the phone's record of the signer: %w", err)
		}
		return f.verify(key)
	})
	return v
}

// judgeSigner looks for the signer among the held records with a role, and lets check
// decide about the one that it finds.
func judgeSigner(held []*List, h *Header, role Role, check func(*Record) error) (Outcome, string) {
	var refusal error
	tvs := false
	for _, list := range held {
		for _, known := range list.With(role) {
			if !h.signedBy(known) {
				continue
			}
			if refusal = check(known); refusal == nil {
				reason := fmt.Sprintf("its signer %q is in the phone's %s with the role %s", h.SignerName, list.FileName, known.Role)
				if known.Issuer != h.SignerIssuer {
					reason += fmt.Sprintf(", though its issuer is spelled %q there: that phones take it for the same has not been seen", known.Issuer)
				}
				return Accepted, reason
			}
		}
		tvs = tvs || len(list.With(RoleTVS)) > 0
	}
	switch {
	case refusal != nil:
		return Refused, refusal.Error()
	case tvs:
		return AskTVS, fmt.Sprintf("its signer %q has the role %s in no list of the phone, which asks TVS about it", h.SignerName, role)
	}
	return Refused, fmt.Sprintf("its signer %q has the role %s in no list of the phone, and these name no TVS server that it could ask", h.SignerName, role)
}

// sameCertificate compares the certificates of two records, or their keys where one has
// no certificate.
func sameCertificate(a, b *Record) bool {
	if len(a.DER) > 0 && len(b.DER) > 0 {
		return bytes.Equal(a.DER, b.DER)
	}
	return len(a.PublicKey) > 0 && bytes.Equal(a.PublicKey, b.PublicKey)
}

// Replace is what a phone holds once it has taken next: that, instead of the list with the
// same file name, and the others.
func Replace(held []*List, next *List) []*List {
	now := []*List{next}
	for _, list := range held {
		if list.FileName != next.FileName {
			now = append(now, list)
		}
	}
	return now
}

// NeedsSignedFiles reports whether a phone with these lists asks for configuration files
// as .sgn only: one of them has an RSA certificate with the role TFTP. An EC one is for
// HTTPS.
func NeedsSignedFiles(held []*List) bool {
	for _, list := range held {
		for _, r := range list.With(RoleTFTP) {
			if key, err := r.key(); err == nil && CheckSigner(key) == nil {
				return true
			}
		}
	}
	return false
}

// TakesEC reports whether a phone with these lists takes an LSC with an EC key, and HTTPS
// on port 6971.
func TakesEC(held []*List) bool {
	for _, list := range held {
		if list.TakesEC() {
			return true
		}
	}
	return false
}

// Find is the record that gives cert the role in one of the lists, or nil.
func Find(lists []*List, cert *x509.Certificate, role Role) *Record {
	for _, list := range lists {
		for _, r := range list.With(role) {
			if r.Holds(cert) {
				return r
			}
		}
	}
	return nil
}
