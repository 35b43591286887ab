package authority_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"capf/enroll/authority"
	"capf/internal/apperr"
	"capf/store"
)

// TestRegenerate holds that the old certificate stays trusted.
func TestRegenerate(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	before, err := r.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{}); err != nil {
		t.Fatal(err)
	}
	after, err := r.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after.Leaf().Equal(before.Leaf()) || after.Leaf().Subject.CommonName == before.Leaf().Subject.CommonName ||
		fmt.Sprint(after.Leaf().Subject.Organization, after.Leaf().Subject.Country) != "[Acme] [DE]" {
		t.Errorf("the new certificate is %s", after.Leaf().Subject)
	}
	trusted, err := r.Store.Trust(t.Context(), store.CAPFTrust)
	if err != nil || len(trusted) != 1 || string(trusted[0].Certificate) != string(before.Leaf().Raw) {
		t.Errorf("in capf-trust are %+v, %v", trusted, err)
	}
}

// TestUploadChain has the CAPF certificate signed by a company CA.
func TestUploadChain(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	before, err := r.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	public := before.Key.Public()
	name := before.Leaf().Subject.CommonName
	root := issue(t, "Company Root", nil, ca)
	middle := issue(t, "Company Issuing CA", root, ca)
	flat := issue(t, "Company Flat CA", root, capf)
	good := issueFor(t, name, nil, public, middle, capf)
	forServers := func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageIPSECEndSystem}
	}
	servers := issue(t, "Server CA", root, ca, forServers)
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"another key", pem(issue(t, name, middle, capf), middle, root), "none of the certificates matches the CAPF private key"},
		{"without extensions", pem(issueFor(t, name, nil, public, middle), middle, root), "no basicConstraints"},
		{"without a path length", pem(issueFor(t, name, nil, public, middle, ca), middle, root), "pathlen:0 is needed"},
		{"without digitalSignature", pem(issueFor(t, name, nil, public, middle, capf, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }), middle, root), "keyUsage without digitalSignature"},
		{"expired", pem(issueFor(t, name, nil, public, middle, capf, over), middle, root), "has expired"},
		{"CA expired", pem(issueFor(t, name, nil, public, issue(t, "Old", root, ca, over), capf), issue(t, "Old", root, ca, over), root), ""},
		{"incomplete", pem(good, root), `"Company Root" does not belong to the chain`},
		{"unknown issuer", pem(good, middle), `whose issuer is neither in the upload nor in capf-trust`},
		{"issuer allows no CA below", pem(issueFor(t, name, nil, public, flat, capf), flat, root), "path length"},
		{"a key", []byte("-----BEGIN PRIVATE KEY-----"), "private key"},
		{"not for clients", pem(issueFor(t, name, nil, public, middle, capf, forServers), middle, root), "extendedKeyUsage without clientAuth"},
		{"below a CA that is not for clients", pem(issueFor(t, name, nil, public, servers, capf), servers, root), `"Server CA" has an extendedKeyUsage without clientAuth`},
	} {
		_, err := r.capf().UploadChain(t.Context(), jane, []authority.UploadFile{{Name: "chain.pem", Data: test.data}}, authority.UploadOptions{}, authority.Delay{})
		if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
	upload := func(want bool, data ...[]byte) {
		t.Helper()
		var files []authority.UploadFile
		for i, d := range data {
			files = append(files, authority.UploadFile{Name: fmt.Sprint(i), Data: d})
		}
		if got, err := r.capf().UploadChain(t.Context(), jane, files, authority.UploadOptions{}, authority.Delay{}); err != nil || got.Changed != want {
			t.Fatalf("got.Changed %v, %v; want %v", got.Changed, err, want)
		}
	}
	upload(true, pem(root), pem(middle, good))
	upload(false, pem(good, middle, root))
	a, err := r.capf().Load(t.Context())
	if err != nil || len(a.Chain) != 3 || !a.Leaf().Equal(good.Certificate) {
		t.Errorf("the chain is %v, %v", a, err)
	}
	// A short chain will do when its end is trusted.
	files := []authority.UploadFile{{Name: "root", Data: pem(root), Purposes: both[:1]}}
	if _, err := r.stores().Upload(t.Context(), jane, files, authority.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	upload(true, pem(good, middle))
	// What no verifier can use is taken when it is said that this is meant.
	files = []authority.UploadFile{{Name: "servers", Data: pem(issueFor(t, name, nil, public, middle, capf, forServers), middle)}}
	if got, err := r.capf().UploadChain(t.Context(), jane, files, authority.UploadOptions{AcceptEKU: true}, authority.Delay{}); err != nil || !got.Changed {
		t.Errorf("accepted: changed %v, %v", got.Changed, err)
	}
	der, _, err := r.capf().Request(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil || request.CheckSignature() != nil || request.Subject.CommonName != name {
		t.Errorf("the request is %v, %v", request, err)
	}
}
