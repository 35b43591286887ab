package approval

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"capf/crypto"
	"capf/crypto/keyfile"
	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/internal/plural"
	"capf/store"
)

const (
	listInitAction   = "trust-list init"
	listImportAction = "trust-list sast import"
	rotateAction     = "trust-list rotate"
	stayAction       = "trust-list rotate --cancel"
)

// listSigning are the rules for the keys of lists.
func listSigning(ctx context.Context, d Desk) (lists.Signing, error) {
	sealer, err := d.Keys(ctx)
	return lists.Signing{Store: d.Store, Sealer: sealer, Now: d.Now, Rand: d.Rand}, err
}

// listSigningNow are the rules for keys that exist, and how these stand.
func listSigningNow(ctx context.Context, d Desk) (lists.Signing, lists.Standing, error) {
	before, err := lists.Stand(ctx, d.Store.Reader)
	if err != nil {
		return lists.Signing{}, before, err
	}
	s, err := listSigning(ctx, d)
	return s, before, err
}

// listInit makes the keys that are missing.
type listInit struct{ signer, spare bool }

// Init is lists.Signing.Init.
func (l Lists) Init(ctx context.Context) (signer, spare bool, err error) {
	op := &listInit{}
	err = l.desk.take(ctx, op)
	return op.signer, op.spare, err
}

func (*listInit) action() string     { return listInitAction }
func (*listInit) subjects() []string { return []string{settings.ListSubject} }

func (o *listInit) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	s, err := listSigning(ctx, d)
	if err != nil {
		return nil, err
	}
	o.signer, o.spare, err = s.Init(ctx, d.Actor)
	if o.signer {
		effects = append(effects, "+ trust lists: a new SAST key, which signs them")
	}
	if o.spare {
		effects = append(effects, "+ trust lists: a new SAST key, as the spare")
	}
	return effects, err
}

// listImport brings a key in that exists.
type listImport struct {
	Certificate []byte // DER
	Sealed      []byte // the private key
	Place       lists.Place

	pair  keyfile.Pair
	place lists.Place
	known bool
}

// Import is lists.Signing.Import. While it waits, the key is sealed under the master key.
func (l Lists) Import(ctx context.Context, p keyfile.Pair, place lists.Place) (as lists.Place, known bool, err error) {
	op := &listImport{Certificate: p.Certificate.Raw, Place: place, pair: p}
	if op.Sealed, err = l.seal(ctx, p); err != nil {
		return "", false, err
	}
	err = l.desk.take(ctx, op)
	return op.place, op.known, err
}

func (l Lists) seal(ctx context.Context, p keyfile.Pair) ([]byte, error) {
	sealer, err := l.desk.Keys(ctx)
	if err != nil {
		return nil, err
	}
	der, err := crypto.MarshalPrivateKey(p.Key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	sealed, _, err := sealedFor(sealer, sastOf(p.Certificate), der)
	return sealed, err
}

// sastOf names a key in a proposal.
func sastOf(c *x509.Certificate) string { return "SAST " + crypto.Fingerprint(c) }

// mark is what does not change when the key is sealed anew.
func (o *listImport) mark() any { return []any{o.Certificate, o.Place} }

func (*listImport) action() string     { return listImportAction }
func (*listImport) subjects() []string { return []string{settings.ListSubject} }

func (o *listImport) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	s, err := listSigning(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.pair.Key == nil {
		if err := o.open(s.Sealer); err != nil {
			return nil, err
		}
	}
	before, err := lists.Stand(ctx, d.Store.Reader)
	if err != nil && !errors.Is(err, lists.ErrNone) {
		return nil, err
	}
	if o.place, o.known, err = s.Import(ctx, d.Actor, o.pair, o.Place); err != nil || o.known {
		return nil, err
	}
	c := o.pair.Certificate
	effects = append(effects, fmt.Sprintf("+ trust lists: %s, %s, as the %s", c.Subject, fingerprintOf(c), o.place))
	if before.Spare != nil {
		effects = append(effects, forgotten(*before.Spare))
	}
	return effects, nil
}

func (o *listImport) open(sealer *crypto.Sealer) (err error) {
	if o.pair.Certificate, err = x509.ParseCertificate(o.Certificate); err != nil {
		return fmt.Errorf("reading the certificate of the proposal: %w", err)
	}
	der, err := openedFrom(sealer, sastOf(o.pair.Certificate), o.Sealed)
	if err != nil {
		return err
	}
	defer clear(der)
	o.pair.Key, err = crypto.ParsePrivateKey(der)
	return err
}

func forgotten(k lists.SAST) string {
	return "- trust lists: the SAST SHA-256 " + k.Fingerprint + ", whose key is forgotten"
}

// rotation does the next step of a rotation of the keys.
type rotation struct {
	After authority.Delay // zero for at once
	Back  bool
	Fresh bool

	step lists.Step
}

// Rotate is lists.Signing.Rotate.
func (l Lists) Rotate(ctx context.Context, r lists.Rotation) (lists.Step, error) {
	op := &rotation{After: r.After, Back: r.Back, Fresh: r.Fresh}
	err := l.desk.take(ctx, op)
	return op.step, err
}

func (*rotation) action() string     { return rotateAction }
func (*rotation) subjects() []string { return []string{settings.ListSubject} }

func (o *rotation) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	s, before, err := listSigningNow(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.step, err = s.Rotate(ctx, d.Actor, lists.Rotation{After: o.After, Back: o.Back, Fresh: o.Fresh}); err != nil {
		return nil, err
	}
	return o.effects(before), nil
}

func (o *rotation) effects(before lists.Standing) (effects []string) {
	from := o.when()
	switch o.step {
	case lists.NewSpare:
		text := "+ trust lists: a new SAST key, as the spare"
		if from != "" {
			text += ", to sign them" + from
		}
		effects = append(effects, text)
		if before.Spare != nil {
			effects = append(effects, forgotten(*before.Spare))
		}
	case lists.Plan, lists.Sign, lists.GoBack:
		effects = append(effects, fmt.Sprintf("~ trust lists: SHA-256 %s signs them in place of SHA-256 %s%s", before.Spare.Fingerprint, before.Signer.Fingerprint, from))
	}
	return effects
}

// when says from when on the spare signs, where that is not at once.
func (o *rotation) when() string {
	switch {
	case o.After.Span > 0 && o.After.Span%(24*time.Hour) == 0:
		return fmt.Sprintf(", %s after this is decided", plural.Of(int(o.After.Span/(24*time.Hour)), "day"))
	case o.After.Span > 0:
		return fmt.Sprintf(", %s after this is decided", o.After.Span)
	case o.After.Set():
		return ", from " + o.After.At.UTC().Format(time.RFC3339) + " on"
	}
	return ""
}

// MakesListKeys says whether a proposal brings keys that sign trust lists.
func MakesListKeys(p store.Proposal) bool {
	return p.Action == listInitAction || p.Action == rotateAction || p.Action == listImportAction
}

// stay takes a planned rotation back.
type stay struct{ done bool }

// CancelRotation is lists.Signing.CancelRotation.
func (l Lists) CancelRotation(ctx context.Context) (bool, error) {
	op := &stay{}
	err := l.desk.take(ctx, op)
	return op.done, err
}

func (*stay) action() string     { return stayAction }
func (*stay) subjects() []string { return []string{settings.ListSubject} }

func (o *stay) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	s, before, err := listSigningNow(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.done, err = s.CancelRotation(ctx, d.Actor); err != nil || !o.done {
		return nil, err
	}
	return []string{fmt.Sprintf("~ trust lists: SHA-256 %s goes on signing them; SHA-256 %s was to do so from %s on",
		before.Signer.Fingerprint, before.Spare.Fingerprint, before.DueAt.UTC().Format(time.RFC3339))}, nil
}
