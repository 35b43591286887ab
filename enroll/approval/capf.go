package approval

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/store"
)

const (
	chainAction      = "cert upload --purpose capf"
	regenerateAction = "cert regenerate"
	giveUpAction     = "cert regenerate --compromised"
	showAction       = "cert regenerate, to show the prepared certificate"
	postponeAction   = "cert regenerate --after"
	cancelAction     = "cert regenerate --cancel"
)

// CAPF takes the changes of authority.CAPF.
type CAPF struct{ desk Desk }

// CAPF is the part of the desk for changes of the CAPF key and certificate.
func (d Desk) CAPF() CAPF { return CAPF{d} }

// capfOf is the CAPF certificate with its key.
func capfOf(ctx context.Context, d Desk) (authority.CAPF, error) {
	sealer, err := d.Keys(ctx)
	return authority.CAPF{Store: d.Store, Sealer: sealer, Now: d.Now, Rand: d.Rand}, err
}

// chain replaces the CAPF certificate by one that a company CA has signed.
type chain struct {
	Files   []authority.UploadFile
	Options authority.UploadOptions
	After   authority.Delay `json:",omitzero"`

	became authority.UploadedChain
}

// UploadChain is authority.CAPF.UploadChain.
func (c CAPF) UploadChain(ctx context.Context, files []authority.UploadFile, o authority.UploadOptions, after authority.Delay) (authority.UploadedChain, error) {
	op := &chain{Files: files, Options: o, After: after}
	err := c.desk.take(ctx, op)
	return op.became, err
}

func (*chain) action() string     { return chainAction }
func (*chain) subjects() []string { return []string{settings.RegenerateSubject} }

func (o *chain) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	present, capf, err := replaced(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.became, err = capf.UploadChain(ctx, d.Actor, o.Files, o.Options, o.After); err != nil || !o.became.Changed {
		return nil, err
	}
	for i, c := range o.became.Authority.Chain {
		if i == 0 {
			effects = append(effects, fmt.Sprintf("~ capf: %s, %s, issued by %s; %s", c.Subject, fingerprintOf(c), c.Issuer, takesPlace(present, o.became.Prepared, o.After)))
			continue
		}
		effects = append(effects, fmt.Sprintf("  chain: %s, %s", c.Subject, fingerprintOf(c)))
	}
	return effects, nil
}

// takesPlace says when a new certificate takes the place of the present one.
func takesPlace(present *x509.Certificate, prepared bool, after authority.Delay) string {
	if !prepared {
		return "was " + fingerprintOf(present)
	}
	return fmt.Sprintf("prepared to take the place of %s: in trust lists at once, shown %s", fingerprintOf(present), after)
}

// replaced is the CAPF certificate that is to be replaced, and the rules for that.
func replaced(ctx context.Context, d Desk) (*x509.Certificate, authority.CAPF, error) {
	certificate, err := authority.Certificate(ctx, d.Store.Reader)
	if err != nil {
		return nil, authority.CAPF{}, err
	}
	capf, err := capfOf(ctx, d)
	return certificate, capf, err
}

// fingerprintOf is how a certificate is told from others in effects.
func fingerprintOf(c *x509.Certificate) string { return "SHA-256 " + crypto.Fingerprint(c) }

// regeneration makes a new CAPF key and certificate.
type regeneration struct {
	Name    *crypto.Name // nil for the present one
	KeyBits int
	After   authority.Delay `json:",omitzero"`

	made     *crypto.Authority
	prepared bool
}

// Regenerate is authority.CAPF.Regenerate.
func (c CAPF) Regenerate(ctx context.Context, name *crypto.Name, keyBits int, after authority.Delay) (a *crypto.Authority, prepared bool, err error) {
	op := &regeneration{Name: name, KeyBits: keyBits, After: after}
	err = c.desk.take(ctx, op)
	return op.made, op.prepared, err
}

func (*regeneration) action() string     { return regenerateAction }
func (*regeneration) subjects() []string { return []string{settings.RegenerateSubject} }

func (o *regeneration) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	present, capf, err := replaced(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.made, o.prepared, err = capf.Regenerate(ctx, d.Actor, o.Name, o.KeyBits, o.After); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("~ capf: a new RSA key of %d bits, self-signed for %s; %s", o.KeyBits, owner(o.made), takesPlace(present, o.prepared, o.After))}, nil
}

// owner is the subject of a CAPF certificate without the common name, which is made anew
// each time.
func owner(a *crypto.Authority) string {
	subject := a.Leaf().Subject
	subject.CommonName, subject.Names = "", nil
	return subject.String()
}

// keyBits is the size of its key, which is RSA if we have made it.
func keyBits(a *crypto.Authority) int {
	if key, is := a.Key.Public().(*rsa.PublicKey); is {
		return key.N.BitLen()
	}
	return 0
}

// givingUp makes a new CAPF key and certificate because somebody else may have the old
// key.
type givingUp struct {
	Name    *crypto.Name
	KeyBits int // 0 for the usual one, or that of the prepared certificate

	found   authority.Compromise
	made    *crypto.Authority
	revoked int
}

// GiveUp is authority.CAPF.GiveUp for what depends on the certificate when it is carried
// out. As that, it goes in portions: the first revokes.
func (c CAPF) GiveUp(ctx context.Context, name *crypto.Name, keyBits int) (a *crypto.Authority, revoked int, err error) {
	op := &givingUp{Name: name, KeyBits: keyBits}
	err = c.desk.take(ctx, op)
	return op.made, op.revoked, err
}

func (*givingUp) action() string     { return giveUpAction }
func (*givingUp) subjects() []string { return []string{settings.RegenerateSubject} }

// carryOut does not say how many LSCs it revokes: phones may get more while it waits.
func (o *givingUp) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	capf, err := capfOf(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.found, err = capf.Compromised(ctx); err != nil {
		return nil, err
	}
	if o.made, o.revoked, err = capf.GiveUp(ctx, d.Actor, o.found, o.Name, o.KeyBits); err != nil {
		return nil, err
	}
	next := fmt.Sprintf("a new RSA key of %d bits, self-signed for %s", keyBits(o.made), owner(o.made))
	if o.takesPrepared() {
		next = "the prepared certificate, " + fingerprintOf(o.made.Leaf())
	}
	effects = append(effects, fmt.Sprintf("~ capf: %s; %s is given up, and all LSCs that it has signed are revoked", next, fingerprintOf(o.found.Certificate)))
	if o.found.Prepared != nil && !o.takesPrepared() {
		effects = append(effects, "- capf: the prepared certificate, "+fingerprintOf(o.found.Prepared))
	}
	for _, row := range o.found.Trust {
		effects = append(effects, "- "+described(row, fmt.Sprintf("%x", row.Fingerprint)))
	}
	return effects, nil
}

// takesPrepared says whether the certificate that was prepared is the new one.
func (o *givingUp) takesPrepared() bool {
	return o.found.Prepared != nil && o.found.Prepared.Equal(o.made.Leaf())
}

// Restarts says whether a running serve begins again when a proposal is carried out.
func Restarts(p store.Proposal) bool { return p.Action == giveUpAction || p.Action == showAction }

// Replaces says whether a proposal brings another CAPF certificate, at once or later.
func Replaces(p store.Proposal) bool { return p.Action == regenerateAction || p.Action == chainAction }
