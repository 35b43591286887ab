package authority

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"strings"

	"capf/crypto"
	"capf/crypto/certfile"
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
	switch list := root.Under(&p, keyCertificates); {
	case list == nil:
	case list.Kind != document.List:
		p.Add(list.Line, "%s is a list, whose entries begin with a hyphen", keyCertificates)
	default:
		for _, n := range list.Items {
			all = append(all, readDesired(&p, n, open)...)
		}
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
	if d.For != 0 && len(d.Purposes) == 1 && d.Purposes[0] != store.CAPFTrust {
		p.Add(fields[keyFor].Line, "%s goes with %s: the call server's store has no uses", keyFor, store.CAPFTrust)
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
		p.Add(line, "the entry says no store: %s is missing, %s or %s", keyPurposes, store.CAPFTrust, store.CallManagerTrust)
		return nil
	}
	for _, word := range n.Words(p, keyPurposes) {
		switch purpose := store.Purpose(strings.ToLower(word)); purpose {
		case store.CAPFTrust, store.CallManagerTrust:
			all = append(all, purpose)
		default:
			p.Add(n.Line, "%q is not a trust store; it is one of %s, %s", word, store.CAPFTrust, store.CallManagerTrust)
		}
	}
	return all
}

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

// IsSidecar reports whether a file in a folder of certificates is by its name the
// description of the certificate beside it.
func IsSidecar(name string) bool {
	extension := strings.ToLower(filepath.Ext(name))
	return !strings.HasPrefix(filepath.Base(name), ".") && (extension == ".yaml" || extension == ".yml")
}

// ReadTrustFolder reads what the files of a folder want to be in the trust stores. A
// sidecar, NAME.yaml or NAME.pem.yaml, says more about the certificates of NAME.pem.
// Files that are skipped want nothing. All that is wrong is in the error, a
// document.Problems.
func ReadTrustFolder(files []UploadFile) ([]Desired, error) {
	var p document.Problems
	sidecars := map[string]UploadFile{}
	for _, f := range files {
		if IsSidecar(f.Name) && f.Skipped == "" {
			sidecars[f.Name] = f
		}
	}
	var all []Desired
	described := map[string]string{} // sidecar → certificate
	for _, f := range files {
		if IsSidecar(f.Name) && f.Skipped == "" {
			continue
		}
		d := Desired{Where: f.Name, Purposes: f.Purposes}
		if sidecar, is := sidecarOf(f.Name, sidecars); is {
			if other, twice := described[sidecar.Name]; twice {
				p.Add(0, "%s: it describes both %q and %q; call it %s.yaml", sidecar.Name, filepath.Base(other), filepath.Base(f.Name), filepath.Base(f.Name))
			}
			described[sidecar.Name] = f.Name
			d.desires = readSidecar(&p, sidecar)
		}
		for _, u := range f.read() {
			if u.problem != "" {
				p.Add(0, "%s: %s", u.name, u.problem)
			}
			for _, c := range u.certs {
				d.Certificate = c
				all = append(all, d)
			}
		}
	}
	for _, f := range files {
		if _, is := sidecars[f.Name]; is && described[f.Name] == "" {
			p.Add(0, "%s: there is no certificate that it describes", f.Name)
		}
	}
	findTwice(&p, all)
	return all, p.Err()
}

func sidecarOf(name string, sidecars map[string]UploadFile) (UploadFile, bool) {
	for _, base := range []string{name, strings.TrimSuffix(name, filepath.Ext(name))} {
		for _, extension := range []string{".yaml", ".yml"} {
			if f, is := sidecars[base+extension]; is {
				return f, true
			}
		}
	}
	return UploadFile{}, false
}

func readSidecar(p *document.Problems, f UploadFile) desires {
	root, err := document.Read(bytes.TrimPrefix(f.Data, []byte("\xef\xbb\xbf")))
	var own document.Problems
	if err != nil {
		own.Add(0, "%v", err)
	} else {
		d := readDesires(&own, root.Fields(&own, keyFor, keyDescription, keyAcceptEKU))
		if len(own) == 0 {
			return d
		}
	}
	for _, one := range own {
		p.Add(0, "%s: %s", f.Name, one)
	}
	return desires{}
}
