package authority

import (
	"crypto/x509"
	"fmt"
	"strings"

	"capf/crypto"
	"capf/internal/document"
	"capf/store"
)

// Desired is a certificate as somebody has written down that it should be in trust
// stores.
type Desired struct {
	Where       string // the file, when a folder describes it
	Line        int    // of the document, otherwise
	Certificate *x509.Certificate
	Purposes    []store.Purpose
	desires
}

// desires is what can be said about a certificate beside its stores. What is not said
// stays as it is or, for a new certificate, follows from its kind.
type desires struct {
	For         store.Uses // 0 when it is not said
	Description *string
	AcceptEKU   bool
}

func (d desires) options() UploadOptions {
	o := UploadOptions{For: d.For, AcceptEKU: d.AcceptEKU}
	if d.Description != nil {
		o.Description, o.Describe = *d.Description, true
	}
	return o
}

// The keys of a document about certificates.
const (
	keyCertificates = "certificates"
	keyFile         = "file"
	keyPEM          = "pem"
	keyPurposes     = "purposes"
	keyFor          = "for"
	keyDescription  = "description"
	keyAcceptEKU    = "accept_eku"
)

func readDesires(p *document.Problems, fields map[string]*document.Node) (d desires) {
	if n := fields[keyFor]; n != nil {
		uses, err := store.ParseUses(n.Words(p, keyFor)...)
		if err != nil {
			p.Add(n.Line, "%v", err)
		}
		d.For = uses
	}
	switch n := fields[keyDescription]; {
	case n == nil:
	case n.Kind == document.Nothing || n.Kind == document.Text:
		text := strings.Join(strings.Fields(n.Text), " ")
		d.Description = &text
	default:
		p.Add(n.Line, "%s is a text", keyDescription)
	}
	switch n := fields[keyAcceptEKU]; {
	case n == nil:
	case n.Text != "true" && n.Text != "false":
		p.Add(n.Line, "%s is true or false", keyAcceptEKU)
	default:
		d.AcceptEKU = n.Text == "true"
	}
	return d
}

// findTwice finds certificates that are described twice for one store: which of the
// two descriptions is meant is not for us to guess.
func findTwice(p *document.Problems, all []Desired) {
	first := map[string]Desired{}
	for _, d := range all {
		for _, purpose := range d.Purposes {
			key := string(purpose) + string(crypto.RawFingerprint(d.Certificate.Raw))
			if other, twice := first[key]; twice {
				p.Add(d.Line, "%s%q is described for %s already, in %s", d.prefix(), crypto.DisplayName(d.Certificate), purpose, other.place())
				continue
			}
			first[key] = d
		}
	}
}

// prefix names the file that a problem without a line is about.
func (d Desired) prefix() string {
	if d.Where == "" {
		return ""
	}
	return d.Where + ": "
}

// place is where the certificate is described.
func (d Desired) place() string {
	if d.Where == "" {
		return fmt.Sprintf("line %d", d.Line)
	}
	return fmt.Sprintf("%q", d.Where)
}
