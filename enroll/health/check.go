package health

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"time"

	"capf/crypto"
	"capf/enroll/acceptance"
	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// Part is the part of a database in which a fault is found.
type Part string

// The parts of a database that Check looks at, in that order.
const (
	PartFile        Part = "file"        // the file, and references between rows
	PartSchema      Part = "schema"      // tables, indexes and triggers
	PartState       Part = "state"       // states that contradict each other
	PartClock       Part = "clock"       // times in the future
	PartRequest     Part = "request"     // keys
	PartLSC         Part = "lsc"         // certificates that do not match their rows
	PartTrust       Part = "trust"       // certificates in the trust stores
	PartList        Part = "trust-list"  // certificates and keys that trust lists are made of
	PartParameter   Part = "parameter"   // values
	PartMasterKey   Part = "master-key"  // whether it is the right one
	PartCertificate Part = "certificate" // whether the CAPF certificate is fit
	PartSecret      Part = "secret"      // whether they can be opened
	PartAudit       Part = "audit"       // the chain of events
)

// Fault is something that Check has found.
type Fault struct {
	Part   Part
	Object string // what it is about, such as LSC 5f3a
	Text   string // what is wrong
	// Passing says that the fault comes from the passage of time or from a
	// choice, not from damage, so that it is no reason to reject a backup.
	Passing bool
}

// Check checks everything that can be wrong with a database and yields the
// faults. It holds one row in memory, and phones may enroll meanwhile. The master
// key is read from keyFile. Progress, which may be nil, is called with what has
// been checked. An error means that checking failed, never that something was
// found.
func Check(ctx context.Context, s *store.Reader, now time.Time, keyFile string, progress func(part Part, rows int64)) iter.Seq2[Fault, error] {
	if progress == nil {
		progress = func(Part, int64) {}
	}
	return func(yield func(Fault, error) bool) {
		c := &checker{store: s, now: now, keyFile: keyFile, yield: yield, progress: progress}
		for _, look := range []func(context.Context) error{
			c.file, c.schema, c.states, c.clock, c.requests, c.lscs, c.trust, c.parameters, c.masterKey, c.certificate, c.lists, c.secrets, c.audit,
		} {
			if err := look(ctx); errors.Is(err, errEnough) {
				return
			} else if err != nil {
				yield(Fault{}, err)
				return
			}
		}
	}
}

// errEnough says that the caller wants no more faults.
var errEnough = errors.New("enough")

type checker struct {
	store    *store.Reader
	now      time.Time
	keyFile  string
	sealer   *crypto.Sealer // nil unless the right master key was found
	yield    func(Fault, error) bool
	progress func(Part, int64)
}

func (c *checker) fault(part Part, object, format string, args ...any) error {
	return c.found(Fault{Part: part, Object: object, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) found(f Fault) error {
	if !c.yield(f, nil) {
		return errEnough
	}
	return nil
}

// each checks the rows of a list.
func each[T any](c *checker, part Part, list iter.Seq2[T, error], check func(T) error) error {
	var n int64
	c.progress(part, 0)
	for row, err := range list {
		if err == nil {
			err = check(row)
		}
		if err != nil {
			return err
		}
		n++
		c.progress(part, n)
	}
	return nil
}

func (c *checker) file(ctx context.Context) error {
	return each(c, PartFile, c.store.Damages(ctx), func(d store.Contradiction) error { return c.fault(PartFile, d.Object, "%s", d.Text) })
}

// schema ends the check when a table is missing, since everything after it
// would fail.
func (c *checker) schema(ctx context.Context) error {
	incomplete := false
	err := each(c, PartSchema, c.store.SchemaFaults(ctx), func(d store.SchemaFault) error {
		incomplete = incomplete || d.TableMissing
		return c.fault(PartSchema, d.Object, "%s", d.Text)
	})
	if err == nil && incomplete {
		if err = c.fault(PartSchema, "database", "a table is missing, so that nothing else was looked at"); err == nil {
			err = errEnough
		}
	}
	return err
}

func (c *checker) states(ctx context.Context) error {
	return each(c, PartState, c.store.Contradictions(ctx), func(d store.Contradiction) error { return c.fault(PartState, d.Object, "%s", d.Text) })
}

// clock finds times in the future, which are no fault once the clock is
// right or the time has come.
func (c *checker) clock(ctx context.Context) error {
	return each(c, PartClock, c.store.FutureTimes(ctx), func(d store.Contradiction) error {
		return c.found(Fault{Part: PartClock, Object: d.Object, Text: d.Text, Passing: true})
	})
}

func (c *checker) requests(ctx context.Context) error {
	return each(c, PartRequest, c.store.Requests(ctx, store.RequestFilter{}), func(r store.Request) error {
		object := fmt.Sprintf("request %d", r.ID)
		hash := crypto.KeyHash(r.PublicKey)
		if !bytes.Equal(hash[:], r.KeyHash) {
			return c.fault(PartRequest, object, "its key is not the one with its hash")
		}
		_, kind, err := crypto.ParsePublicKey(r.PublicKey)
		if err != nil {
			return c.fault(PartRequest, object, "its key: %v", err)
		}
		if string(kind) != r.KeyKind {
			return c.fault(PartRequest, object, "its key is %s, not %s", kind, r.KeyKind)
		}
		if r.CSR == nil {
			return nil
		}
		csr, err := x509.ParseCertificateRequest(r.CSR)
		if err != nil {
			return c.fault(PartRequest, object, "its PKCS#10 cannot be read: %v", err)
		}
		if !bytes.Equal(csr.RawSubjectPublicKeyInfo, r.PublicKey) {
			return c.fault(PartRequest, object, "its PKCS#10 is for another key")
		}
		return nil
	})
}

func (c *checker) lscs(ctx context.Context) error {
	issuers, err := c.issuers(ctx)
	if err != nil {
		return err
	}
	return each(c, PartLSC, c.store.KeptLSCs(ctx), func(l store.KeptLSC) error {
		object := "LSC " + l.Serial
		cert, err := x509.ParseCertificate(l.Certificate)
		if err != nil {
			return c.fault(PartLSC, object, "it cannot be read: %v", err)
		}
		if different := differs(l.LSC, acceptance.LSC(cert)); different != "" {
			return c.fault(PartLSC, object, "the %s of the certificate is not what the row says", different)
		}
		if hash := crypto.KeyHash(cert.RawSubjectPublicKeyInfo); !bytes.Equal(hash[:], l.KeyHash) {
			return c.fault(PartLSC, object, "its key is not that of request %d", l.RequestID)
		}
		if _, kind, err := crypto.ParsePublicKey(cert.RawSubjectPublicKeyInfo); err != nil || string(kind) != l.KeyKind {
			return c.fault(PartLSC, object, "its key is not %s", l.KeyKind)
		}
		if cert.IsCA {
			return c.fault(PartLSC, object, "it is the certificate of a CA")
		}
		if !crypto.BelongsTo(cert, l.Device) {
			return c.fault(PartLSC, object, "it is in a row of %s, but was made for %q", l.Device, cert.Subject.CommonName)
		}
		if issuer := issuers[issuerOf(cert)]; issuer != nil && !signedBy(cert, issuer) {
			return c.fault(PartLSC, object, "its signature is not that of its issuer")
		}
		return nil
	})
}

// signedBy reports whether a certificate has its issuer's signature. Go does not
// verify signatures over SHA-1, which old CAs make, so these are taken on trust.
func signedBy(cert, issuer *x509.Certificate) bool {
	err := issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	return err == nil || errors.As(err, new(x509.InsecureAlgorithmError))
}

// issuerID is how a certificate names its issuer. The name alone is not enough:
// a CA that gets a new key, as with capf cert regenerate, may keep its name.
type issuerID struct{ name, key string }

func issuerOf(cert *x509.Certificate) issuerID {
	return issuerID{string(cert.RawIssuer), string(cert.AuthorityKeyId)}
}

// issuers returns the known issuers that have a key identifier: the CAPF
// certificate with its chain, and capf-trust.
func (c *checker) issuers(ctx context.Context) (map[issuerID]*x509.Certificate, error) {
	id, err := c.store.Identity(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	trust, err := c.store.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return nil, err
	}
	all := id.Chain
	for _, t := range trust {
		all = append(all, t.Certificate)
	}
	issuers := map[issuerID]*x509.Certificate{}
	for _, der := range all {
		// Unreadable ones are reported by the checks of their own rows.
		if cert, err := x509.ParseCertificate(der); err == nil && len(cert.SubjectKeyId) > 0 {
			issuers[issuerID{string(cert.RawSubject), string(cert.SubjectKeyId)}] = cert
		}
	}
	return issuers, nil
}

func (c *checker) trust(ctx context.Context) error {
	rows, err := c.store.Trust(ctx, "")
	if err != nil {
		return err
	}
	for _, t := range rows {
		object := fmt.Sprintf("%s %d", t.Purpose, t.ID)
		cert, err := x509.ParseCertificate(t.Certificate)
		if err != nil {
			err = c.fault(PartTrust, object, "it cannot be read: %v", err)
		} else if different := differs(store.LSC{
			Serial: t.Serial, Subject: t.Subject, Issuer: t.Issuer, NotBefore: t.NotBefore, NotAfter: t.NotAfter, Fingerprint: t.Fingerprint,
		}, acceptance.LSC(cert)); different != "" {
			err = c.fault(PartTrust, object, "the %s of the certificate is not what the row says", different)
		} else if useless := crypto.CheckIssuerPurposes(cert); t.For.Has(store.ForLSC) && useless != nil {
			err = c.found(Fault{PartTrust, object, useless.Error(), true})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// differs names the first column that contradicts the certificate in its row,
// "" for none.
func differs(row, is store.LSC) string {
	switch {
	case !bytes.Equal(row.Fingerprint, is.Fingerprint):
		return "fingerprint"
	case row.Serial != is.Serial:
		return "serial"
	case !row.NotBefore.Equal(is.NotBefore), !row.NotAfter.Equal(is.NotAfter):
		return "validity"
	case row.Subject != is.Subject:
		return "subject"
	case row.Issuer != is.Issuer:
		return "issuer"
	}
	return ""
}

func (c *checker) parameters(ctx context.Context) error {
	if _, err := settings.Read(ctx, c.store); errors.Is(err, apperr.ErrValue) {
		return c.fault(PartParameter, "parameters", "%v", err)
	} else if err != nil {
		return err
	}
	return nil
}

func (c *checker) masterKey(ctx context.Context) (err error) {
	c.sealer, err = secrets.OpenSealer(ctx, c.store, c.keyFile)
	if errors.Is(err, secrets.ErrNotReady) {
		return nil // nothing is sealed yet; c.certificate reports that
	}
	switch {
	case errors.Is(err, crypto.ErrWrongKey):
		err = fmt.Errorf("%q is the key of another database", c.keyFile)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%q is not there", c.keyFile)
	}
	if err != nil {
		c.sealer = nil
		return c.fault(PartMasterKey, "master key", "%v", err)
	}
	return nil
}

func (c *checker) certificate(ctx context.Context) error {
	if c.sealer == nil {
		if _, err := c.store.Identity(ctx); errors.Is(err, store.ErrNotFound) {
			return c.found(Fault{PartCertificate, "CAPF certificate", "there is none yet; capf init makes it", true})
		}
		return nil
	}
	if _, err := authority.Load(ctx, c.store, c.sealer, c.now); err != nil {
		passing := errors.Is(err, crypto.ErrExpired) || errors.Is(err, secrets.ErrNotReady)
		if err := c.found(Fault{PartCertificate, "CAPF certificate", err.Error(), passing}); err != nil {
			return err
		}
		return c.prepared(ctx)
	}
	chain, err := authority.Chain(ctx, c.store)
	if err != nil {
		return err
	}
	if useless := authority.CheckPurposes(chain...); useless != nil {
		if err := c.found(Fault{PartCertificate, "CAPF certificate", useless.Error(), true}); err != nil {
			return err
		}
	}
	return c.prepared(ctx)
}

// prepared checks the CAPF certificate that is to take the place of the present one, which
// serve does not show otherwise.
func (c *checker) prepared(ctx context.Context) error {
	_, err := authority.LoadPrepared(ctx, c.store, c.sealer, c.now)
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return c.found(Fault{PartCertificate, "prepared CAPF certificate", err.Error(), errors.Is(err, crypto.ErrExpired)})
}

// lists checks what trust lists are made of: whether certificates are what their rows say,
// and whether keys are theirs. That the keys open at all is checked with the other secrets.
func (c *checker) lists(ctx context.Context) error {
	signing, err := c.store.ListSigning(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for _, k := range []store.ListKey{signing.Signer, signing.Spare} {
		if k.ID == 0 {
			continue
		}
		if wrong := c.wrongSAST(k); wrong != nil {
			if err := c.fault(PartList, "SAST "+k.Fingerprint, "%v", wrong); err != nil {
				return err
			}
		}
	}
	members, err := c.store.ListMembers(ctx)
	if err != nil {
		return err
	}
	for _, m := range members {
		cert, err := x509.ParseCertificate(m.Certificate)
		object := fmt.Sprintf("member %d", m.ID)
		switch {
		case err != nil:
			err = c.fault(PartList, object, "it cannot be read: %v", err)
		case crypto.Fingerprint(cert) != m.Fingerprint:
			err = c.fault(PartList, object, "the fingerprint of the certificate is not what the row says")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) wrongSAST(k store.ListKey) error {
	cert, err := x509.ParseCertificate(k.Certificate)
	switch {
	case err != nil:
		return fmt.Errorf("it cannot be read: %w", err)
	case crypto.Fingerprint(cert) != k.Fingerprint:
		return errors.New("the fingerprint of the certificate is not what the row says")
	case c.sealer == nil:
		return nil
	}
	key, err := secrets.ListKey(c.sealer, k)
	if err != nil {
		return nil // c.secrets reports it
	}
	if !crypto.SameKey(cert.PublicKey, key.Public()) {
		return errors.New("its private key is not that of its certificate")
	}
	return nil
}

func (c *checker) secrets(ctx context.Context) error {
	if c.sealer == nil {
		return nil
	}
	return each(c, PartSecret, secrets.All(ctx, c.store, c.sealer), func(s secrets.Secret) error {
		if err := s.Open(); err != nil {
			return c.fault(PartSecret, s.Object, "%v", err)
		}
		return nil
	})
}

// checkpoints returns the function that verifies a checkpoint of the record,
// nil without a key.
func (c *checker) checkpoints() func(store.Checkpoint) bool {
	if c.sealer == nil {
		return nil
	}
	return secrets.HoldsCheckpoint(c.sealer)
}

func (c *checker) audit(ctx context.Context) error {
	c.progress(PartAudit, 0)
	report, err := c.store.VerifyEvents(ctx, c.checkpoints())
	if err != nil || report.Fault == nil {
		return err
	}
	return c.fault(PartAudit, fmt.Sprintf("event %d", report.Fault.ID), "%s", report.Fault.Text)
}
