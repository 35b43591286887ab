package onlineca

import (
	"context"
	"crypto/x509"
)

// Type names a kind of CA, as the parameter online_ca_type does.
type Type string

// Kind is what is known about a kind of CA before one is asked.
type Kind struct {
	Type   Type
	Name   string // of its protocol, for people
	Server string // with its article, in the middle of a sentence

	// RSAOnly says that the CA is sent RSA keys only.
	RSAOnly bool
	// WithoutUser and WithoutTemplate say what is wrong with a configuration that
	// has no user name or no template; "" when nothing is.
	WithoutUser, WithoutTemplate string
	// CheckTemplate refuses a text that cannot be the template; nil accepts
	// any.
	CheckTemplate func(text string) error
	TemplateWord  string // what this kind calls the template

	login loginManner
	open  func(Config, *transport) ca
}

// kinds lists all kinds, the default first. A new one is a line here and a file such
// as est.go, with its Type, its Kind and its ca.
var kinds = []Kind{microsoftKind, estKind}

// Kinds lists the kinds of CA, the default first.
func Kinds() []Kind { return kinds }

// KindOf finds a kind.
func KindOf(t Type) (Kind, bool) {
	for _, k := range kinds {
		if k.Type == t {
			return k, true
		}
	}
	return Kind{}, false
}

// ca is what every kind of CA can do.
type ca interface {
	// submit sends a request once.
	submit(ctx context.Context, csr *x509.CertificateRequest) (Answer, error)
	// certificates fetches those of the CA itself.
	certificates(ctx context.Context) ([]*x509.Certificate, error)
	// checkAuthentication and checkTemplate are steps of Client.Check.
	checkAuthentication(ctx context.Context) Step
	checkTemplate(ctx context.Context) Step
}

// fetcher is a ca that numbers its requests. Any other is asked about a pending
// request by submitting it again.
type fetcher interface {
	fetch(ctx context.Context, requestID string) (Answer, error)
}

// binder is a ca that may want a request bound to the connection that carries
// it. bind returns nil when this CA does not want that.
type binder interface {
	bind(ctx context.Context) (*Bound, error)
}
