// Package expiry says which certificates end when: those in phones, those in the
// trust stores, and our own, such as the CAPF certificate with the ones above it. It must not know
// what is to be done about them.
package expiry

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/serialnumber"
	"capf/store"
)

// Kind is what a certificate is for.
type Kind string

// The kinds of certificates.
const (
	CAPF     Kind = "capf"          // the CAPF certificate
	Prepared Kind = "capf-prepared" // the one that is prepared to take its place
	Chain    Kind = "capf-chain"    // one above them
	Client   Kind = "online-ca"     // the one with which an online CA knows us
	TVS      Kind = "tvs"           // the one of TVS
	SAST     Kind = "sast"          // of a key that signs trust lists
	Member   Kind = "trust-list"    // in trust lists, added by an operator
	Trust    Kind = "trust"         // in a trust store
	LSC      Kind = "lsc"           // in a phone, which has confirmed it
)

// Scope says which certificates to look at.
type Scope struct{ LSCs, Trust, CAPF bool }

// Ending is a certificate with its end. What is empty does not apply to its kind.
type Ending struct {
	Kind      Kind
	Name      string // the device, or the common name
	Device    string
	Model     string
	Pool      string
	Purposes  []string // the trust stores that have it
	IDs       []string // there
	Uses      store.Uses
	Subject   string
	Issuer    string
	Serial    string
	NotAfter  time.Time
	Scheduled bool // the device is to get a new one, and still has time
}

// Before yields the certificates that end before a time, also those that have
// ended already, the first to end first.
func Before(ctx context.Context, s *store.Reader, scope Scope, until time.Time) iter.Seq2[Ending, error] {
	return func(yield func(Ending, error) bool) {
		few, err := fewBefore(ctx, s, scope, until)
		if err != nil {
			yield(Ending{}, err)
			return
		}
		for l, err := range lscsBefore(ctx, s, scope, until) {
			for ; err == nil && len(few) > 0 && !few[0].NotAfter.After(l.NotAfter); few = few[1:] {
				if !yield(few[0], nil) {
					return
				}
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
		for _, e := range few {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// fewBefore returns the certificates that no phone has, of which there are few.
func fewBefore(ctx context.Context, s *store.Reader, scope Scope, until time.Time) (few []Ending, err error) {
	if scope.CAPF {
		if few, err = Own(ctx, s); err != nil {
			return nil, err
		}
		lists, err := OfLists(ctx, s)
		if err != nil {
			return nil, err
		}
		few = append(few, lists...)
	}
	if scope.Trust {
		trusted, err := Trusted(ctx, s)
		if err != nil {
			return nil, err
		}
		few = append(few, trusted...)
	}
	few = slices.DeleteFunc(few, func(e Ending) bool { return !e.NotAfter.Before(until) })
	slices.SortStableFunc(few, func(a, b Ending) int { return a.NotAfter.Compare(b.NotAfter) })
	return few, nil
}

// Own returns the CAPF certificate and the one that is prepared, those above them, the
// one of TVS and the one with which an online CA knows us; nothing when there are none yet.
func Own(ctx context.Context, s *store.Reader) ([]Ending, error) {
	chain, err := authority.Chain(ctx, s)
	if err != nil && !errors.Is(err, secrets.ErrNotReady) {
		return nil, err
	}
	var own []Ending
	for i, c := range chain {
		kind := Chain
		if i == 0 {
			kind = CAPF
		}
		own = append(own, ending(kind, c))
	}
	prepared, err := authority.PreparedChain(ctx, s)
	if err != nil {
		return nil, err
	}
	for i, c := range prepared {
		switch {
		case i == 0:
			own = append(own, ending(Prepared, c))
		case !slices.ContainsFunc(chain, c.Equal):
			own = append(own, ending(Chain, c))
		}
	}
	tvs, err := s.TVSCertificate(ctx)
	switch {
	case err == nil:
		c, err := x509.ParseCertificate(tvs.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate of TVS: %w", err)
		}
		own = append(own, ending(TVS, c))
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	der, err := s.CertificateOfSecret(ctx, settings.OnlineCertificate)
	if err != nil || len(der) == 0 {
		return own, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of %s: %w", settings.OnlineCertificate, err)
	}
	return append(own, ending(Client, c)), nil
}

func ending(kind Kind, c *x509.Certificate) Ending {
	return Ending{Kind: kind, Name: authority.NameOf(c), Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: serialnumber.Text(c.SerialNumber), NotAfter: c.NotAfter}
}

// Trusted returns the certificates in the trust stores. One that is in both of
// them is there once.
func Trusted(ctx context.Context, s *store.Reader) ([]Ending, error) {
	rows, err := s.Trust(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []Ending
	places := map[string]int{}
	for _, row := range rows {
		i, known := places[string(row.Fingerprint)]
		if !known {
			i = len(all)
			places[string(row.Fingerprint)] = i
			all = append(all, Ending{Kind: Trust, Name: authority.NameOfRow(row), Subject: row.Subject, Issuer: row.Issuer, Serial: row.Serial, NotAfter: row.NotAfter})
		}
		all[i].Purposes, all[i].IDs = append(all[i].Purposes, string(row.Purpose)), append(all[i].IDs, strconv.FormatInt(row.ID, 10))
		all[i].Uses |= row.For
	}
	return all, nil
}

func lscsBefore(ctx context.Context, s *store.Reader, scope Scope, until time.Time) iter.Seq2[Ending, error] {
	return func(yield func(Ending, error) bool) {
		if !scope.LSCs {
			return
		}
		for l, err := range s.Expiries(ctx, &until) {
			e := Ending{Kind: LSC, Name: l.Device, Device: l.Device, Model: l.Model, Pool: l.Pool, Subject: l.Subject, Issuer: l.Issuer, Serial: l.Serial,
				NotAfter: l.NotAfter, Scheduled: l.Scheduled}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
