package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"regexp"
	"slices"
	"strings"

	"capf/store/engine"
)

// oldTrust is a row of capf-trust from before rows had uses, when each
// certificate vouched for everything.
type oldTrust struct {
	id      int64
	foreign bool
	cert    *x509.Certificate // nil when it cannot be read
	shown   Uses              // the uses of certificates that it has signed
}

// decideOldTrust gives the certificates of an older capf-trust what they need
// to go on working. If phones have sent certificates that the row's kind does
// not explain, it vouches for those too, and an operator has to decide.
//
// It has its own copy of the names that it knows, since a migration must
// always do the same.
func decideOldTrust(ctx context.Context, t engine.Executor) error {
	list, err := oldTrusts(ctx, t)
	if err != nil || len(list) == 0 {
		return err
	}
	if err := readShown(ctx, t, list); err != nil {
		return err
	}
	for _, row := range list {
		uses := row.byKind()
		undecided := row.cert == nil || !uses.Has(row.shown)
		uses |= row.shown
		_, err = t.ExecContext(ctx, `UPDATE trust_certificates SET for_mic = ?, for_lsc = ?, for_foreign_lsc = ?, for_https = ?,
			undecided = ? WHERE id = ?`, uses.Has(ForMIC), uses.Has(ForLSC), uses.Has(ForForeignLSC), uses.Has(ForHTTPS), undecided, row.id)
		if err != nil {
			return err
		}
	}
	return nil
}

func oldTrusts(ctx context.Context, t engine.Executor) (list []oldTrust, err error) {
	rows, err := t.QueryContext(ctx, "SELECT id, foreign_capf, certificate FROM trust_certificates WHERE purpose = 'capf-trust'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var row oldTrust
		var der []byte
		if err := rows.Scan(&row.id, &row.foreign, &der); err != nil {
			return nil, err
		}
		if c, err := x509.ParseCertificate(der); err == nil {
			row.cert = c
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// byKind returns the uses that follow from the kind of certificate.
func (o *oldTrust) byKind() Uses {
	switch {
	case o.cert == nil:
		return 0
	case o.foreign:
		return ForForeignLSC
	case o.isCAPF(): // a former one of ours: uploads of such names were refused
		return ForLSC
	case slices.Contains([]string{
		"cap-rtp-001", "cap-rtp-002", "cisco manufacturing ca", "cisco manufacturing ca sha2", "cisco root ca 2048",
		"cisco root ca m2", "act2 sudi ca", "high assurance sudi ca",
	}, strings.ToLower(strings.ReplaceAll(o.cert.Subject.CommonName, "_", " "))):
		return ForMIC
	case !o.cert.IsCA && o.cert.Version == 3:
		return ForHTTPS // the web server of the online CA
	}
	return ForLSC | ForHTTPS
}

// isCAPF says whether it is a CAPF certificate, which has made LSCs and nothing
// else: what phones have called a MIC of its making was none.
func (o *oldTrust) isCAPF() bool { return strings.Contains(o.cert.Subject.CommonName, "CAPF-") }

// readShown finds what the certificates have signed: the LSCs of our record, and
// what phones have shown, MICs and LSCs that are not in our record.
func readShown(ctx context.Context, t engine.Executor, list []oldTrust) error {
	ours := map[[sha256.Size]byte]bool{}
	err := eachCertificate(ctx, t, "SELECT 'lsc', certificate FROM lscs", func(_ string, der []byte) {
		ours[sha256.Sum256(der)] = true
		signer(list, der, func(o *oldTrust, _ *x509.Certificate) Uses { return ForLSC })
	})
	if err != nil {
		return err
	}
	return eachCertificate(ctx, t, "SELECT kind, certificate FROM device_certificates", func(kind string, der []byte) {
		if ours[sha256.Sum256(der)] {
			return
		}
		signer(list, der, func(o *oldTrust, c *x509.Certificate) Uses {
			switch {
			case kind == "mic" && !o.isCAPF() && oldMIC.MatchString(c.Subject.CommonName):
				return ForMIC
			case kind == "lsc" && (o.foreign || !o.isCAPF()):
				return ForForeignLSC
			}
			return 0
		})
	})
}

// oldMIC is the form of the names in MICs.
var oldMIC = regexp.MustCompile(`^[A-Z0-9][A-Z0-9+./=_-]*-(?i:[A-Z]{3}[0-9A-F]{12})$`)

func eachCertificate(ctx context.Context, t engine.Executor, query string, do func(kind string, der []byte)) error {
	rows, err := t.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var kind string
		var der []byte
		if err := rows.Scan(&kind, &der); err != nil {
			return err
		}
		do(kind, der)
	}
	return rows.Err()
}

// signer notes a use with the certificates that have signed this one.
func signer(list []oldTrust, der []byte, use func(*oldTrust, *x509.Certificate) Uses) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return
	}
	for i := range list {
		o := &list[i]
		if o.cert == nil || !bytes.Equal(c.RawIssuer, o.cert.RawSubject) {
			continue
		}
		u := use(o, c)
		if !o.shown.Has(u) && o.cert.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
			o.shown |= u
		}
	}
}
