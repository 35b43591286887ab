package enroll

import (
	"context"
	stdcrypto "crypto"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"capf/crypto"
	"capf/store"
)

// A phone is locked for lockTime after maxWrongStrings wrong authentication
// strings in a row (protocol page, "Authentication modes").
const (
	maxWrongStrings = 10
	lockTime        = 10 * time.Minute
)

// The ways in which a session ends without success. Each is wrapped in an
// *Ending.
var (
	ErrUnknownDevice    = errors.New("unknown device")
	ErrNothingScheduled = errors.New("nothing is scheduled")
	ErrDeclined         = errors.New("declined")
	ErrLate             = errors.New("later than the operation had to be completed")
	ErrKey              = errors.New("key generation failed")
	ErrLost             = errors.New("connection lost")
	ErrMalformed        = errors.New("malformed")
	ErrAborted          = errors.New("aborted")
	ErrSuperseded       = errors.New("superseded")
	// ErrUnreachable is a CA that gives no answer now: the phone may come back.
	ErrUnreachable = errors.New("the CA cannot be asked")
)

// Ending is why a session ends: what the phone is told follows from Kind, what
// the operator reads is the whole text.
type Ending struct {
	Kind   error
	Cause  store.Cause // the X of "Upgrade Failed: X"
	Detail string      // one line for the operator, without secrets
	// ComeBack is when a phone may try again that was told so (ErrUnreachable).
	ComeBack time.Duration
	Guess    Guess
}

// Guess is what came of an authentication string, for those who watch for
// somebody who guesses. A phone whose user gave none has not guessed.
type Guess int

// The ways in which a string is not taken.
const (
	NoGuess     Guess = iota
	WrongGuess        // it is wrong
	LastGuess         // it is wrong, and locks the device
	LockedGuess       // the device is locked, whatever the string is
)

func (e *Ending) Error() string { return fmt.Sprintf("%v: %s", e.Kind, e.Detail) }
func (e *Ending) Unwrap() error { return e.Kind }

func ending(kind error, cause store.Cause, format string, args ...any) *Ending {
	return &Ending{Kind: kind, Cause: cause, Detail: fmt.Sprintf(format, args...)}
}

// CertificateKind is what a phone says of a certificate that it shows.
type CertificateKind string

// The kinds of certificate that a phone has.
const (
	LSC CertificateKind = "lsc"
	MIC CertificateKind = "mic"
)

// Signature is a signature with its hash.
type Signature struct {
	Hash  stdcrypto.Hash
	Value []byte
}

// Proof is a certificate with signatures that prove possession of its key.
type Proof struct {
	Kind        CertificateKind
	Certificate []byte // DER
	Text        []byte // what was signed
	Signatures  []Signature
}

// Claim is what a phone says to authenticate.
type Claim struct {
	Device   string
	Address  string
	Version  int    // 2 or 3
	Accepted bool   // the phone goes on; false when it reports a failure of its own
	Password []byte // nil or empty: null string
	Existing *Proof // By Existing Certificate
	SUDI     *Proof // the phone's burnt-in identity; its text covers the session id
}

// Grant is what an authenticated phone is to do.
type Grant struct {
	Device   store.Device
	Settings Settings         // in force for the whole session
	Keys     []crypto.KeyKind // for Install: the kinds to ask for, the preferred one first
	actor    store.Actor
	mic      *x509.Certificate // proved in this session
}

// Operation is what is scheduled for the device.
func (g Grant) Operation() store.Operation { return g.Device.Operation }

// Authenticate decides whether a phone may do what is scheduled for it, under
// the settings that were in force when its session began. A
// refusal is an *Ending and is recorded with the Certificate Operation Status
// of the device; any other error is our own failure.
func (r *Rules) Authenticate(ctx context.Context, settings Settings, c Claim) (Grant, error) {
	actor := store.Actor{Kind: store.Phone, Name: c.Device, Address: c.Address}
	device, err := r.Store.Device(ctx, c.Device)
	if errors.Is(err, store.ErrNotFound) {
		end := ending(ErrUnknownDevice, store.NoCause, "no device has this name")
		return Grant{}, r.fail(ctx, actor, store.Device{Name: c.Device}, "authenticate", end)
	}
	if err != nil {
		return Grant{}, err
	}
	actor.Name = device.Name
	g := Grant{Device: device, Settings: settings, actor: actor}
	if end := r.admit(device, c, settings); end != nil {
		if end.Kind == ErrNothingScheduled {
			return g, end // no failure, nothing to record
		}
		return g, r.fail(ctx, actor, device, "authenticate", end)
	}
	if err := r.authenticate(ctx, &g, c); err != nil {
		return g, err
	}
	if device.Operation == store.Install {
		if end := g.chooseKeys(c.Version); end != nil {
			return g, r.fail(ctx, actor, device, "authenticate", end)
		}
		end, err := r.admitOnline(ctx, &g)
		if err != nil {
			return g, err
		}
		if end != nil {
			return g, r.fail(ctx, actor, device, "issue", end)
		}
	}
	return g, nil
}

// admit makes the checks that come before the authentication itself.
func (r *Rules) admit(d store.Device, c Claim, s Settings) *Ending {
	switch {
	case !c.Accepted:
		return ending(ErrDeclined, store.InvalidCredentials, "the phone reports that it cannot authenticate")
	case c.Version != 2 && c.Version != 3:
		return ending(ErrDeclined, store.NoCause, "the phone speaks CAPF version %d, not 2 or 3", c.Version)
	case s.FIPS && c.Version != 2:
		return ending(ErrDeclined, store.NoCause, "CAPF version 3 is not available in FIPS mode")
	case d.Operation == store.NoOperation:
		return ending(ErrNothingScheduled, store.NoCause, "nothing is scheduled for the device")
	case !d.CompletesBy.IsZero() && r.Now().After(d.CompletesBy):
		return ending(ErrLate, store.Late, "the operation had to be completed by %s", d.CompletesBy.UTC().Format(time.RFC3339))
	}
	return nil
}

// chooseKeys turns the Key Order into what the phone is asked for. Version 2
// knows RSA only (protocol page, "Versions").
func (g *Grant) chooseKeys(version int) *Ending {
	d := g.Device
	rsa, ec := crypto.RSA(d.RSABits), crypto.EC(d.ECBits)
	switch {
	case d.KeyOrder == store.RSAOnly:
		g.Keys = []crypto.KeyKind{rsa}
	case version == 2 && d.KeyOrder == store.ECOnly:
		return ending(ErrDeclined, store.NoECInVersion, "the device is to have an EC key, which a phone that speaks version 2 cannot make")
	case version == 2:
		g.Keys = []crypto.KeyKind{rsa}
	case d.KeyOrder == store.ECOnly:
		g.Keys = []crypto.KeyKind{ec}
	default:
		g.Keys = []crypto.KeyKind{ec, rsa}
	}
	return nil
}

// authenticate applies the device's Authentication Mode.
func (r *Rules) authenticate(ctx context.Context, g *Grant, c Claim) error {
	var (
		end   *Ending
		shown []store.DeviceCertificate
		err   error
	)
	switch g.Device.AuthMode {
	case store.ByNullString:
		if len(c.Password) > 0 {
			end = ending(ErrDeclined, store.InvalidString, "the phone sent an authentication string, but its mode is By Null String")
		}
	case store.ByString:
		return r.byString(ctx, *g, c.Password)
	default:
		shown, end, err = r.byCertificate(ctx, g, c)
	}
	if err != nil {
		return err
	}
	if end != nil {
		return r.fail(ctx, g.actor, g.Device, "authenticate", end)
	}
	return r.Store.NoteAuthenticated(ctx, g.actor, g.Device.ID, shown, lscFingerprint(shown))
}

func (r *Rules) byString(ctx context.Context, g Grant, password []byte) error {
	d := g.Device
	if r.Now().Before(d.LockedUntil) {
		return r.locked(ctx, g, d.LockedUntil)
	}
	want, err := r.AuthenticationString(d)
	if err != nil {
		return err
	}
	// A phone without a user sends an empty string; that is no guess, so it
	// does not count towards the lock.
	if len(password) == 0 || want == "" {
		return r.fail(ctx, g.actor, d, "authenticate", ending(ErrDeclined, store.InvalidString, "no authentication string was given"))
	}
	if sameSecret(password, []byte(want)) {
		// Others may have locked the device while this one was compared.
		locked, err := r.Store.NoteRightString(ctx, g.actor, d.ID)
		if err == nil && !locked.IsZero() {
			err = r.locked(ctx, g, locked)
		}
		return err
	}
	end := ending(ErrDeclined, store.InvalidString, "wrong authentication string")
	end.Guess = WrongGuess
	locked, counted, err := r.Store.NoteWrongString(ctx, g.actor, d.ID, maxWrongStrings, lockTime, store.Failed(d.Operation, end.Cause))
	if err != nil {
		return err
	}
	switch {
	case !counted: // others have locked the device meanwhile
		return lockedEnding(locked)
	case !locked.IsZero():
		end.Guess = LastGuess
		end.Detail = fmt.Sprintf("wrong authentication string; locked until %s", locked.UTC().Format(time.RFC3339))
	}
	return end
}

// sameSecret compares in a time that depends neither on where two secrets
// differ nor on whether their lengths do, which subtle.ConstantTimeCompare by
// itself gives away.
func sameSecret(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func (r *Rules) locked(ctx context.Context, g Grant, until time.Time) error {
	return r.fail(ctx, g.actor, g.Device, "authenticate", lockedEnding(until))
}

func lockedEnding(until time.Time) *Ending {
	end := ending(ErrDeclined, store.InvalidString, "locked until %s after %d wrong strings", until.UTC().Format(time.RFC3339), maxWrongStrings)
	end.Guess = LockedGuess
	return end
}

// byCertificate checks the certificate that the phone shows and, when it
// sends one, its SUDI.
func (r *Rules) byCertificate(ctx context.Context, g *Grant, c Claim) ([]store.DeviceCertificate, *Ending, error) {
	if c.Existing == nil {
		return nil, ending(ErrDeclined, store.InvalidCredentials, "the phone has no certificate to authenticate with"), nil
	}
	anchors, err := r.anchors(ctx)
	if err != nil {
		return nil, nil, err
	}
	cert, end, err := r.checkProof(ctx, *c.Existing, g.Device.Name)
	if end != nil || err != nil {
		return nil, end, err
	}
	kind := c.Existing.Kind
	opt := crypto.PathOptions{AllowExpired: kind == MIC && g.Settings.AllowExpiredMIC}
	if _, err := crypto.VerifyPath(cert, anchors, nil, r.Now(), opt); err != nil {
		// An LSC of an online CA may need the issuers that came with it.
		between, berr := r.onlineIssuers(ctx)
		if berr != nil {
			return nil, nil, berr
		}
		if _, err = crypto.VerifyPath(cert, anchors, between, r.Now(), opt); err != nil {
			return nil, kind.decline("%v", err), nil
		}
	}
	shown := []store.DeviceCertificate{{Kind: string(kind), Certificate: cert.Raw, SeenAt: r.Now()}}
	if kind == MIC {
		g.mic = cert
	}
	if c.SUDI == nil {
		return shown, nil, nil
	}
	// The SUDI's signature covers the session id, so a wrong one tells of a
	// replay. Whether it chains to capf-trust matters only for its names: many
	// sites remove the MIC roots, and their phones still send it.
	sudi, end, err := r.checkProof(ctx, *c.SUDI, g.Device.Name)
	if end != nil || err != nil {
		return nil, end, err
	}
	if g.mic == nil && usableMIC(sudi, anchors, g.Device.Name, r.Now()) {
		g.mic = sudi
		shown = append(shown, store.DeviceCertificate{Kind: string(MIC), Certificate: sudi.Raw, SeenAt: r.Now()})
	}
	return shown, nil, nil
}

// decline refuses a certificate of the kind.
func (k CertificateKind) decline(format string, args ...any) *Ending {
	cause := store.InvalidLSC
	if k == MIC {
		cause = store.InvalidMIC
	}
	return ending(ErrDeclined, cause, "%s: %s", strings.ToUpper(string(k)), fmt.Sprintf(format, args...))
}

// checkProof checks that the certificate is this device's own and that the
// phone has its key.
func (r *Rules) checkProof(ctx context.Context, p Proof, device string) (*x509.Certificate, *Ending, error) {
	cert, err := x509.ParseCertificate(p.Certificate)
	if err != nil {
		return nil, p.Kind.decline("not a certificate"), nil
	}
	mine, err := r.belongs(ctx, cert, device)
	if err != nil {
		return nil, nil, err
	}
	if !mine {
		return nil, p.Kind.decline("the certificate of %q does not belong to the device", cert.Subject.CommonName), nil
	}
	if len(p.Signatures) == 0 {
		return nil, p.Kind.decline("the phone did not sign"), nil
	}
	for _, s := range p.Signatures {
		if err := crypto.VerifyBare(cert, s.Hash, p.Text, s.Value); err != nil {
			return nil, p.Kind.decline("the %v signature does not verify", s.Hash), nil
		}
	}
	return cert, nil, nil
}

// belongs says whether a certificate is the device's own. A name that merely
// ends in the device's may be that of another device of ours ("lab-phone" and
// "phone"): then the certificate is that one's.
func (r *Rules) belongs(ctx context.Context, cert *x509.Certificate, device string) (bool, error) {
	if !crypto.BelongsTo(cert, device) {
		return false, nil
	}
	if strings.EqualFold(cert.Subject.CommonName, device) {
		return true, nil
	}
	_, err := r.Store.Device(ctx, cert.Subject.CommonName)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// usableMIC says whether the names of a certificate may go into an LSC: it is
// a manufacturer's, whose name is more than the device's, and it chains to
// capf-trust. Names do not expire, so the validity does not matter here.
func usableMIC(cert *x509.Certificate, anchors []*x509.Certificate, device string, now time.Time) bool {
	if strings.EqualFold(cert.Subject.CommonName, device) {
		return false
	}
	_, err := crypto.VerifyPath(cert, anchors, nil, now, crypto.PathOptions{AllowExpired: true})
	return err == nil
}

func lscFingerprint(shown []store.DeviceCertificate) []byte {
	for _, c := range shown {
		if c.Kind == string(LSC) {
			return fingerprint(c.Certificate)
		}
	}
	return nil
}

// fingerprint is the SHA-256 of a DER certificate, by which store finds it.
func fingerprint(der []byte) []byte {
	hash := sha256.Sum256(der)
	return hash[:]
}
