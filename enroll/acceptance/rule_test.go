package acceptance_test

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/enroll/acceptance"
	"capf/enroll/companytest"
	"capf/enroll/settings"
)

// judge is what the rule says about the certificate for a request.
func judge(trusted []*x509.Certificate, request, lsc []byte, device string) acceptance.Verdict {
	rule := acceptance.Rule{Trusted: trusted, Now: companytest.Noon(), Leniency: settings.Leniency{Ahead: 5 * time.Minute}}
	return rule.Judge(request, device, lsc, nil)
}

// TestIssuerOfToday: an issuer has to be valid now, not when the LSC was dated, unless
// the CA's clock is ahead.
func TestIssuerOfToday(t *testing.T) {
	t.Parallel()
	noon := companytest.Noon()
	for _, test := range []struct {
		name        string
		from, until time.Time // of the issuer
		dated       time.Time // of the LSC
		refused     string
	}{
		{"valid", noon.AddDate(-1, 0, 0), noon.AddDate(2, 0, 0), noon.Add(-time.Hour), ""},
		{"ended since", noon.AddDate(-1, 0, 0), noon.Add(-time.Minute), noon.Add(-time.Hour), "does not lead to capf-trust"},
		{"younger than its LSC", noon.Add(-time.Minute), noon.AddDate(2, 0, 0), noon.Add(-time.Hour), ""},
		{"its clock is ahead", noon.Add(3 * time.Minute), noon.AddDate(2, 0, 0), noon.Add(4 * time.Minute), ""},
		{"its clock is ahead of its LSC", noon.Add(4 * time.Minute), noon.AddDate(2, 0, 0), noon.Add(3 * time.Minute), "does not lead to capf-trust"},
	} {
		d := companytest.New(t)
		ca := d.NewCA("Second", nil)
		ca.Certificate.NotBefore, ca.Certificate.NotAfter = test.from, test.until
		ca.Certificate = d.Create(ca.Certificate, ca, ca.Key.Public())
		request := d.Request("SEP001122334455")
		lsc := d.SignBy(ca, request, func(c *x509.Certificate) { c.NotBefore = test.dated })
		got := judge([]*x509.Certificate{ca.Certificate}, request.CSR, lsc.Raw, request.Device)
		if (got.Unfit == "") != (test.refused == "") || !strings.Contains(got.Unfit, test.refused) {
			t.Errorf("%s: unfit %q", test.name, got.Unfit)
		}
		if test.refused != "" && !strings.Contains(got.Advice, "capf-trust") {
			t.Errorf("%s: the advice is %q", test.name, got.Advice)
		}
	}
}

// TestRenewedIssuer: of two certificates of a CA with the same key, the path leads
// through the one that outlasts the LSC, so that nobody is warned of the other.
func TestRenewedIssuer(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	ca := d.NewCA("Second", nil)
	short := *ca.Certificate
	short.NotAfter = companytest.Noon().AddDate(0, 1, 0)
	old := d.Create(&short, ca, ca.Key.Public())
	request := d.Request("SEP001122334455")
	lsc := d.SignBy(ca, request)
	both := []*x509.Certificate{old, ca.Certificate}
	for range both {
		if got := judge(both, request.CSR, lsc.Raw, request.Device); got.Unfit != "" || len(got.Doubts) > 0 {
			t.Errorf("unfit %q, doubts %q", got.Unfit, got.Doubts)
		}
		slices.Reverse(both)
	}
	if got := judge(both[:1], request.CSR, lsc.Raw, request.Device); got.Unfit != "" || len(got.Doubts) != 1 || !strings.Contains(got.Doubts[0], "outlives its issuer") {
		t.Errorf("with the old one alone: unfit %q, doubts %q", got.Unfit, got.Doubts)
	}
}

// TestAdvice gives each fault its own advice.
func TestAdvice(t *testing.T) {
	t.Parallel()
	noon := companytest.Noon()
	d := companytest.New(t)
	for i, test := range []struct {
		edit func(*x509.Certificate)
		want string
	}{
		{func(c *x509.Certificate) { c.Subject.CommonName = "another" }, "supply in the request"},
		{func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Hour) }, "clock_tolerance"},
		{func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }, "look at the validity"},
		{func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, "the key usage digitalSignature"},
		{func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, "the extended key usage clientAuth"},
		{func(c *x509.Certificate) { c.IsCA = true }, "mend the template or profile"},
	} {
		request := d.Request("SEP00112233445" + string(rune('0'+i)))
		lsc := d.Sign(request, test.edit)
		if got := judge([]*x509.Certificate{d.CA.Certificate}, request.CSR, lsc.Raw, request.Device); got.Unfit == "" || !strings.Contains(got.Advice, test.want) {
			t.Errorf("%s: the advice is %q, not %q", got.Unfit, got.Advice, test.want)
		}
	}
}
