package authority

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"capf/crypto/certfile"
	"capf/internal/document"
	"capf/store"
)

// ReadTrustDocument reads what a document wants to be in the trust stores. The files
// that it names are opened with open, by the names that stand there. All that is
// wrong is in the error, a document.Problems.
func ReadTrustDocument(data []byte, open func(name string) ([]byte, error)) ([]Desired, error) {
	root, err := document.Read(data)
	if err != nil {
		return nil, err
	}
	var p document.Problems
	var all []Desired
	for _, n := range root.ListUnder(&p, keyCertificates) {
		all = append(all, readDesired(&p, n, open)...)
	}
	findTwice(&p, all)
	return all, p.Err()
}

// readDesired reads one entry. A file with several certificates describes them all.
func readDesired(p *document.Problems, n *document.Node, open func(name string) ([]byte, error)) (all []Desired) {
	fields := n.Fields(p, keyFile, keyPEM, keyPurposes, keyFor, keyDescription, keyAcceptEKU)
	if n.Kind != document.Map {
		return nil
	}
	d := Desired{Line: n.Line, Purposes: readPurposes(p, n.Line, fields[keyPurposes]), desires: readDesires(p, fields)}
	if d.For != 0 && len(d.Purposes) > 0 && !slices.Contains(d.Purposes, store.CAPFTrust) {
		p.Add(fields[keyFor].Line, "%s goes with %s: the other stores have no uses", keyFor, store.CAPFTrust)
	}
	for _, c := range readCertificates(p, n.Line, fields[keyFile], fields[keyPEM], open) {
		d.Certificate = c
		all = append(all, d)
	}
	return all
}

func readCertificates(p *document.Problems, line int, file, text *document.Node, open func(name string) ([]byte, error)) []*x509.Certificate {
	var data []byte
	at := text
	switch {
	case file == nil && text == nil:
		p.Add(line, "the entry has no certificate: %s or %s is missing", keyFile, keyPEM)
		return nil
	case file != nil && text != nil:
		p.Add(text.Line, "%s and %s exclude each other", keyFile, keyPEM)
		return nil
	case file != nil:
		name := file.Word(p, keyFile)
		if name == "" {
			return nil
		}
		at = file
		var err error
		if data, err = open(name); err != nil {
			p.Add(file.Line, "%v", err)
			return nil
		}
	default:
		data = []byte(text.Word(p, keyPEM))
		if len(data) == 0 {
			return nil
		}
	}
	certs, err := certfile.Parse(data)
	if err != nil {
		of := keyPEM
		if file != nil {
			of = fmt.Sprintf("%q", file.Text)
		}
		p.Add(at.Line, "%s: %v", of, err)
	}
	return certs
}

func readPurposes(p *document.Problems, line int, n *document.Node) (all []store.Purpose) {
	if n == nil {
		p.Add(line, "the entry says no store: %s is missing, of %s", keyPurposes, storeNames())
		return nil
	}
	for _, word := range n.Words(p, keyPurposes) {
		purpose := store.Purpose(strings.ToLower(word))
		if !slices.Contains(store.Purposes(), purpose) {
			p.Add(n.Line, "%q is not a trust store; it is one of %s", word, storeNames())
			continue
		}
		all = append(all, purpose)
	}
	return all
}

// storeNames are the names of the trust stores, with commas between them.
func storeNames() string {
	var names []string
	for _, p := range store.Purposes() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}
