package onlineca

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// trouble is one problem with an HTTPS connection, and what to do about it.
type trouble struct{ reason, advice string }

// tlsTroubles explains why a handshake failed, if another one would fail too.
func (c *Config) tlsTroubles(err error) []trouble {
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		if all := c.certificateTroubles(verification.UnverifiedCertificates); len(all) > 0 {
			return all
		}
		return []trouble{{"its HTTPS certificate is not trusted: " + verification.Err.Error(), "check the certificate of the CA's web server and capf-trust"}}
	}
	var record tls.RecordHeaderError
	var handshake handshakeError
	alert := alertIn(err)
	asked := errors.As(err, &handshake) && handshake.asked
	switch {
	case errors.As(err, &record):
		return []trouble{{"what answers there is not TLS", "check online_ca_port: it must be the HTTPS port"}}
	case strings.Contains(alert, "protocol version"):
		return []trouble{{"the web server does not speak TLS 1.2 or later", "turn on TLS 1.2 on the CA's web server"}}
	case asked && c.ClientCertificate == nil && (strings.Contains(alert, "handshake failure") || strings.Contains(alert, "certificate")):
		return []trouble{{noCertificate, clientCertificateAdvice}} // before TLS 1.3, OpenSSL calls that a failure of the handshake
	case strings.Contains(alert, "handshake failure"):
		return []trouble{{"the web server and we have no TLS cipher in common", "allow ECDHE ciphers with AES-GCM on the CA's web server"}}
	case strings.Contains(alert, "certificate"):
		return []trouble{{otherCertificate + ": " + alert, clientCertificateAdvice}}
	}
	return nil
}

// alertIn returns the text of the TLS alert that the server sent, "" when it sent
// none. Package tls identifies an alert only by its text. With TLS 1.3, an alert
// about our certificate comes only after the handshake.
func alertIn(err error) string {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" {
		return remote.Err.Error()
	}
	return ""
}

// wantsRenegotiation reports whether a connection ended because the server wanted
// to renegotiate. IIS does that to ask for a client certificate for some paths
// only. Package tls identifies this only by these texts.
func wantsRenegotiation(err error) bool {
	var local *net.OpError
	if errors.As(err, &local) && local.Op == "local error" && strings.Contains(local.Err.Error(), "no renegotiation") {
		return true
	}
	return strings.Contains(err.Error(), "certificateRequestMsgTLS13") // TLS 1.3 asks after the handshake
}

// certificateTroubles lists everything that is wrong with an HTTPS certificate, so
// that the operator need not fix one thing to learn of the next.
func (c *Config) certificateTroubles(presented []*x509.Certificate) []trouble {
	if len(presented) == 0 {
		return nil
	}
	leaf, now := presented[0], c.Now()
	var all []trouble
	switch {
	case now.After(leaf.NotAfter):
		all = append(all, trouble{"its HTTPS certificate expired at " + leaf.NotAfter.UTC().Format(time.RFC3339),
			"renew the certificate of the CA's web server"})
	case now.Before(leaf.NotBefore):
		all = append(all, trouble{"its HTTPS certificate is valid only from " + leaf.NotBefore.UTC().Format(time.RFC3339),
			"compare the clocks of this machine and the CA"})
	}
	if t, ok := c.nameTrouble(leaf); ok {
		all = append(all, t)
	}
	if t, ok := c.chainTrouble(presented); ok {
		all = append(all, t)
	}
	return all
}

func (c *Config) nameTrouble(leaf *x509.Certificate) (trouble, bool) {
	if leaf.VerifyHostname(c.Host) == nil {
		return trouble{}, false
	}
	names := slices.Clone(leaf.DNSNames)
	for _, address := range leaf.IPAddresses {
		names = append(names, address.String())
	}
	switch {
	case len(names) == 0 && strings.EqualFold(leaf.Subject.CommonName, c.Host):
		return trouble{fmt.Sprintf("its HTTPS certificate has the name %q only as CN, which does not count", c.Host),
			"make a certificate for the CA's web server that has the name as subject alternative name (DNS)"}, true
	case len(names) == 0:
		return trouble{fmt.Sprintf("its HTTPS certificate (CN %q) carries no name", plain(leaf.Subject.CommonName, 64)),
			"make a certificate for the CA's web server that has its name as subject alternative name (DNS)"}, true
	}
	return trouble{fmt.Sprintf("its HTTPS certificate is for %s, not for %q", plain(strings.Join(names, ", "), 200), c.Host),
		"set online_ca_hostname to a name in the certificate, or make a certificate with this name"}, true
}

// chainTrouble checks the issuers only, not the leaf's dates and names.
func (c *Config) chainTrouble(presented []*x509.Certificate) (trouble, bool) {
	leaf := presented[0]
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		CurrentTime: within(c.Now(), leaf), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, root := range c.Roots {
		options.Roots.AddCert(root)
	}
	for _, other := range presented[1:] {
		options.Intermediates.AddCert(other)
	}
	_, err := leaf.Verify(options)
	if err == nil {
		options.KeyUsages = nil // that is: server authentication
		paths, err := leaf.Verify(options)
		if why := c.impostor(paths); err == nil && why != "" {
			return trouble{"its HTTPS certificate proves nothing: " + why,
				"find out what answers there: the holder of that certificate was not sent the password"}, true
		}
		if err == nil {
			return trouble{}, false
		}
		return trouble{"its HTTPS certificate is not for servers (extended key usage)",
			"make a certificate for the CA's web server from a web server template"}, true
	}
	var invalid x509.CertificateInvalidError
	switch {
	case weakSignature(presented) != nil:
		return trouble{fmt.Sprintf("its HTTPS certificate chain has a SHA-1 signature (%s), which proves nothing", nameOf(weakSignature(presented))),
			"issue the certificate of the CA's web server again with SHA-256"}, true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return trouble{fmt.Sprintf("a certificate above its HTTPS certificate has expired (%s)", nameOf(invalid.Cert)),
			"upload the renewed CA certificate to capf-trust, or renew the chain on the CA's web server"}, true
	case string(leaf.RawIssuer) == string(leaf.RawSubject):
		return trouble{"its HTTPS certificate is self-signed and not in capf-trust",
			"upload the HTTPS certificate itself to capf-trust, after comparing its fingerprint"}, true
	}
	top := presented[len(presented)-1]
	if slices.ContainsFunc(c.Issuers, func(known *x509.Certificate) bool { return string(known.RawSubject) == string(top.RawIssuer) }) {
		return trouble{fmt.Sprintf("the issuer of its HTTPS certificate is in capf-trust, but does not vouch for https (issuer %q)", plain(top.Issuer.String(), 200)),
			"capf cert set ID --for lsc,https, if the CA's web server is meant to have its certificate from there"}, true
	}
	return trouble{fmt.Sprintf("the issuer of its HTTPS certificate is not in capf-trust (issuer %q)", plain(top.Issuer.String(), 200)),
		"upload the certificate of this issuer to capf-trust"}, true
}

// within returns the time that is closest to now in the validity of the certificate.
func within(now time.Time, c *x509.Certificate) time.Time {
	switch {
	case now.After(c.NotAfter):
		return c.NotAfter
	case now.Before(c.NotBefore):
		return c.NotBefore
	}
	return now
}

// weakSignature finds a certificate signed with SHA-1 or MD5. The signature
// of a self-signed root does not matter.
func weakSignature(presented []*x509.Certificate) *x509.Certificate {
	for _, c := range presented {
		switch c.SignatureAlgorithm {
		case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA:
			if string(c.RawIssuer) != string(c.RawSubject) {
				return c
			}
		}
	}
	return nil
}

func nameOf(c *x509.Certificate) string {
	switch {
	case c == nil:
		return "unknown"
	case len(c.RawSubject) <= 2 && len(c.DNSNames) > 0: // an empty subject is allowed beside a name
		return plain(c.DNSNames[0], 120)
	case len(c.RawSubject) <= 2 && len(c.IPAddresses) > 0:
		return c.IPAddresses[0].String()
	}
	return plain(c.Subject.String(), 120)
}
