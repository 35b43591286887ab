package server_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/store"
)

// upload puts a certificate into capf-trust.
func (h *house) upload(c *x509.Certificate, o authority.UploadOptions) {
	h.Helper()
	files := []authority.UploadFile{{Name: "ca.der", Data: c.Raw, Purposes: []store.Purpose{store.CAPFTrust}}}
	if _, err := h.trustStores().Upload(h.Context(), operator, files, o); err != nil {
		h.Fatal(err)
	}
}

// certified is a certificate for client authentication that edit may change, as
// a CA makes them for people and machines.
func certified(t testing.TB, a *crypto.Authority, cn string, edit func(*x509.Certificate)) *phone.Identity {
	t.Helper()
	key, err := crypto.GenerateKey(rand.Reader, crypto.EC256)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Leaf(), key.Public(), a.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &phone.Identity{Certificate: der, Key: key, Type: wire.TypeMIC}
}

// purposes are extended key usages in a critical extension, which package x509
// does not make.
func purposes(oids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
	value, err := asn1.Marshal(oids)
	return func(c *x509.Certificate) {
		if err != nil {
			panic(err)
		}
		c.ExtKeyUsage = nil
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: value})
	}
}

// twice writes the name of a phone twice into a subject.
func twice(cn string) func(*x509.Certificate) {
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value string `asn1:"utf8"`
	}
	type nameSET []attribute
	name := func(s string) nameSET { return nameSET{{asn1.ObjectIdentifier{2, 5, 4, 3}, s}} }
	der, err := asn1.Marshal([]nameSET{name("CP-8861-SEPFFFFFFFFFFFF"), name(cn)})
	return func(c *x509.Certificate) {
		if err != nil {
			panic(err)
		}
		c.RawSubject = der
	}
}

// again is a CA with another certificate, which by has signed and edit may change.
func again(t testing.TB, a, by *crypto.Authority, edit func(*x509.Certificate)) *crypto.Authority {
	t.Helper()
	template := *a.Leaf()
	template.SubjectKeyId, template.AuthorityKeyId = nil, nil
	if edit != nil {
		edit(&template)
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, by.Leaf(), a.Key.Public(), by.Key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &crypto.Authority{Chain: []*x509.Certificate{c}, Key: a.Key}
}

// TestWhatIsNoMIC shows certificates as MICs that are none: all that a company's
// CA makes, and under a manufacturer's what it has not made for a phone.
func TestWhatIsNoMIC(t *testing.T) {
	h := open(t)
	maker, company, limited := newCA(t, "Maker"), newCA(t, "Company"), newCA(t, "Limited")
	h.upload(maker.Leaf(), authority.UploadOptions{For: store.ForMIC})
	h.upload(company.Leaf(), authority.UploadOptions{})
	limits := again(t, limited, limited, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.com"}, true
	})
	h.upload(limits.Leaf(), authority.UploadOptions{For: store.ForMIC})
	under := again(t, newCA(t, "Under"), maker, nil) // the maker allows no CA below it
	h.upload(under.Leaf(), authority.UploadOptions{})
	good := "CP-8861-" + sep
	codeSigning, email := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 4}
	expired := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	}
	sha1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	h.set("allow_expired_mic", "true")
	for _, test := range []struct {
		name string
		by   *crypto.Authority
		cn   string
		edit func(*x509.Certificate)
		want string // the end of the event's detail, "" for an LSC
	}{
		{"as the maker makes it", maker, good, nil, ""},
		{"no usages", maker, good, func(c *x509.Certificate) { c.KeyUsage, c.ExtKeyUsage = 0, nil }, ""},
		{"expired", maker, good, expired, ""},
		{"over SHA-1", maker, good, sha1, ""},
		{"the name itself", maker, sep, nil, ""},
		{"any usage", maker, good, purposes(asn1.ObjectIdentifier{2, 5, 29, 37, 0}), ""},

		{"of the company", company, good, nil, `was issued by the unknown issuer "CN=Company,O=Company"`},
		{"of the company, expired", company, good, expired, `was issued by the unknown issuer "CN=Company,O=Company"`},
		{"of the company, over SHA-1", company, good, sha1, `was issued by the unknown issuer "CN=Company,O=Company"`},
		{"of the company, the name itself", company, sep, nil, `was issued by the unknown issuer "CN=Company,O=Company"`},
		{"of bob", maker, "bob-" + sep, nil, `"bob-` + sep + `" is not the name of a MIC of the device`},
		{"with NUL", maker, "CP\x00-" + sep, nil, `has a control character`},
		{"with a blank", maker, "CP 8861-" + sep, nil, `is not the name of a MIC of the device`},
		{"with two names", maker, good, twice(good), "has 2 common names instead of one"},
		{"for code", maker, good, purposes(codeSigning), "has an extendedKeyUsage without clientAuth"},
		{"for mail", maker, good, purposes(email), "has an extendedKeyUsage without clientAuth"},
		{"for servers", maker, good, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, "has an extendedKeyUsage without clientAuth"},
		{"for encryption", maker, good, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, "has a keyUsage without digitalSignature"},
		{"a CA", maker, good, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, true }, "is a CA"},
		{"against the constraints", limits, good, nil, "is not permitted"},
		{"below a CA that is not allowed", under, good, nil, "allows a path length of 0, this one has 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &house{TB: t, base: h.base, address: h.address, clock: h.clock}
			h.add(sep, store.Install, mode(store.ByMICPrecedence))
			defer h.base.Store.DeleteDevice(t.Context(), operator, sep)
			shown := certified(t, test.by, test.cn, test.edit)
			r, err := h.phone(sep, func(c *phone.Config) { c.Existing = shown })
			if test.want != "" {
				h.declined(sep, "Upgrade Failed: Invalid MIC", err)
				if got := h.reason(sep); !strings.Contains(got, test.want) {
					t.Errorf("the event says %q, not %q", got, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if cn := commonName(t, r.Certificate); cn != test.cn {
				t.Errorf("the LSC is for %q, not %q", cn, test.cn)
			}
		})
	}
	// What a phone gave for viewing comes into no name either, unless it is its MIC.
	h.add(sep, store.Troubleshoot)
	claimed := certified(t, company, good, nil)
	if _, err := h.phone(sep, func(c *phone.Config) { c.MIC = claimed.Certificate }); err != nil {
		t.Fatal(err)
	}
	h.schedule(sep, store.Install)
	r, err := h.phone(sep)
	if err != nil || commonName(t, r.Certificate) != sep {
		t.Errorf("the LSC is for %q: %v", commonName(t, r.Certificate), err)
	}
	h.schedule(sep, store.Troubleshoot)
	mic := certified(t, maker, good, nil)
	if _, err := h.phone(sep, func(c *phone.Config) { c.LSC, c.MIC = r.Certificate, mic.Certificate }); err != nil {
		t.Fatal(err)
	}
	h.schedule(sep, store.Install)
	r, err = h.phone(sep)
	if err != nil || commonName(t, r.Certificate) != good {
		t.Errorf("with a known MIC, the LSC is for %q: %v", commonName(t, r.Certificate), err)
	}
}

// TestLSCIsNoMIC shows LSCs as MICs: ours of a longer name that has been deleted,
// and one of a cluster that is trusted.
func TestLSCIsNoMIC(t *testing.T) {
	h := open(t)
	foreign := newCA(t, "CAPF-f0e1d2c3")
	h.upload(foreign.Leaf(), authority.UploadOptions{ForeignCAPF: true})
	// Even one who says that the company's CA makes MICs too gets none from LSCs.
	company := newCA(t, "Company")
	h.upload(company.Leaf(), authority.UploadOptions{For: store.ForMIC | store.ForLSC})
	root := newCA(t, "Company Root")
	root = again(t, root, root, func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false })
	h.upload(root.Leaf(), authority.UploadOptions{For: store.ForMIC | store.ForLSC})
	signed := again(t, newCA(t, "CAPF-0a1b2c3d"), root, nil)
	h.upload(signed.Leaf(), authority.UploadOptions{ForeignCAPF: true})
	unnamed := again(t, newCA(t, "Voice of another cluster"), root, nil)
	h.upload(unnamed.Leaf(), authority.UploadOptions{ForeignCAPF: true})
	h.add("x-"+sep, store.Install)
	ours, err := h.phone("x-" + sep)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.base.Store.DeleteDevice(t.Context(), operator, "x-"+sep); err != nil {
		t.Fatal(err)
	}
	h.set("certificate_issuer", "offline-ca")
	h.add("CP-8861-"+sep, store.Install)
	w := h.waits("CP-8861-" + sep)
	h.bring(h.sign(company, h.pending("CP-8861-"+sep)))
	<-w.done
	companys, err := w.r, w.err
	if err != nil {
		t.Fatal(err)
	}
	h.set("certificate_issuer", "capf")
	if err := h.base.Store.DeleteDevice(t.Context(), operator, "CP-8861-"+sep); err != nil {
		t.Fatal(err)
	}
	h.add(sep, store.Install, mode(store.ByMICPrecedence))
	for name, shown := range map[string]*phone.Identity{
		"ours":                       {Certificate: ours.Certificate, Key: ours.Key, Type: wire.TypeMIC},
		"the company's":              {Certificate: companys.Certificate, Key: companys.Key, Type: wire.TypeMIC},
		"signed by the company":      certified(t, signed, "CP-8861-"+sep, nil),
		"under another name":         certified(t, unnamed, "CP-8861-"+sep, nil),
		"foreign":                    certified(t, foreign, "lab-"+sep, nil),
		"foreign, as a MIC is named": certified(t, foreign, "CP-8861-"+sep, nil),
	} {
		_, err := h.phone(sep, func(c *phone.Config) { c.Existing = shown })
		h.declined(sep, "Upgrade Failed: Invalid MIC", err)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// TestLSCIsNoServer has phones whose name is that of the online CA's host answer in
// its place, with each kind of LSC that there is. None gets the password.
func TestLSCIsNoServer(t *testing.T) {
	const host = "localhost"
	lsc := func(t *testing.T, a *crypto.Authority) tls.Certificate {
		id := identity(t, a, crypto.RSA2048, host, "", time.Now(), 90)
		return tls.Certificate{Certificate: [][]byte{id.Certificate, a.Leaf().Raw}, PrivateKey: id.Key}
	}
	company := catest.MustCA(t, catest.Options{})
	for _, test := range []struct {
		name string
		lsc  func(*testing.T, *house) tls.Certificate
		want string // in the step
	}{
		{"of ours", func(t *testing.T, h *house) tls.Certificate {
			capf, err := h.capf().Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return lsc(t, capf)
		}, "not in capf-trust"},
		{"of ours, from before", func(t *testing.T, h *house) tls.Certificate {
			capf, err := h.capf().Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := h.capf().Regenerate(t.Context(), operator, nil, 2048, authority.Delay{}); err != nil {
				t.Fatal(err)
			}
			return lsc(t, capf)
		}, "does not vouch for https"},
		{"of a cluster that is trusted", func(t *testing.T, h *house) tls.Certificate {
			foreign := newCA(t, "CAPF-f0e1d2c3")
			h.upload(foreign.Leaf(), authority.UploadOptions{ForeignCAPF: true})
			return lsc(t, foreign)
		}, "not in capf-trust"},
		{"of a CAPF that the company has signed", func(t *testing.T, h *house) tls.Certificate {
			root := newCA(t, "Company Root")
			open := func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false }
			root = again(t, root, root, open)
			h.upload(root.Leaf(), authority.UploadOptions{})
			return lsc(t, again(t, newCA(t, "CAPF-f0e1d2c3"), root, nil))
		}, `it comes from "CAPF-f0e1d2c3", which makes LSCs`},
		{"of the company's CA itself", func(t *testing.T, h *house) tls.Certificate {
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: company, Login: catest.UserLogin("Basic")}})
			h.online(onlineca.Microsoft, s.Server)
			h.add(host, store.Install)
			r, err := h.phone(host)
			if err != nil {
				t.Fatal(err)
			}
			return tls.Certificate{Certificate: [][]byte{r.Certificate, company.Issuing().Raw}, PrivateKey: r.Key}
		}, `it is the LSC of the device "localhost"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			h.trust(company.Root())
			shown := test.lsc(t, h)
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: company, Login: catest.UserLogin("Basic"), Certificate: &shown}})
			h.online(onlineca.Microsoft, s.Server)
			h.set("online_ca_hostname", host)
			h.secret("online_ca_password", []byte(caPassword)) // it has gone with the address
			steps, err := h.onlineCA().Check(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(steps, func(s onlineca.Step) bool {
				return s.Name == onlineca.StepTLS && !s.OK && strings.Contains(s.Text, test.want)
			}) {
				t.Errorf("the steps are %+v", steps)
			}
			h.add(sep, store.Install)
			if r, err := h.phone(sep); err == nil {
				t.Errorf("the phone did %v", r.Outcome)
			}
			if n := s.Requests(); n != 0 {
				t.Errorf("%d requests went to the phone", n)
			}
		})
	}
}
