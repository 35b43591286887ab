package boot

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"time"

	"capf/enroll/trustlist"
	"capf/enroll/tvs"
)

// tvsPort is where TVS is when the configuration does not say.
const tvsPort = 2445

// voucher is TVS, as the phone that holds these things reaches it.
type voucher struct {
	*belongings
	device  string        // as TVS is told
	timeout time.Duration // for an answer
	given   []string      // servers in place of those of the configuration
	host    string        // that gives files
}

// servers are those of the configuration that the phone holds. A phone that has no
// configuration yet is told of none: it tries the host that gives it files.
func (v voucher) servers() (servers []string) {
	if v.given != nil {
		return v.given
	}
	if v.config != nil {
		for _, s := range v.config.TVS {
			port := s.Port
			if port == 0 {
				port = tvsPort
			}
			servers = append(servers, net.JoinHostPort(s.Address, strconv.Itoa(port)))
		}
	}
	if servers == nil {
		servers = []string{net.JoinHostPort(v.host, strconv.Itoa(tvsPort))}
	}
	return servers
}

// trusted are the certificates that the phone's lists give the role TVS.
func (v voucher) trusted() (trusted []*x509.Certificate) {
	for _, l := range v.lists() {
		for _, r := range l.With(trustlist.RoleTVS) {
			if cert, err := r.Certificate(); err == nil {
				trusted = append(trusted, cert)
			}
		}
	}
	return trusted
}

// vouched asks TVS whether a certificate may have a role.
func (v voucher) vouched(ctx context.Context, cert *x509.Certificate, role trustlist.Role) bool {
	a, ok := v.ask(ctx, trustlist.TVSQuestion{Certificate: cert.Raw}, role)
	return ok && a.May(role)
}

// asked asks TVS for the certificate of a signed file, of which the phone knows no more
// than its issuer and serial number. It is nil if TVS does not vouch for it.
func (v voucher) asked(ctx context.Context, f *trustlist.File) *x509.Certificate {
	a, ok := v.ask(ctx, trustlist.TVSQuestion{Query: true, Subject: f.SignerName, Issuer: f.SignerIssuer, Serial: f.SignerSerial}, trustlist.RoleTFTP)
	if !ok || !a.May(trustlist.RoleTFTP) {
		return nil
	}
	cert, err := x509.ParseCertificate(a.Certificate)
	if err != nil {
		v.tell(TVS, Bad, "it answers with a certificate that cannot be read: %v", err)
		return nil
	}
	return cert
}

// ask asks one TVS server after the other, until one answers.
func (v voucher) ask(ctx context.Context, q trustlist.TVSQuestion, role trustlist.Role) (tvs.Answer, bool) {
	trusted := v.trusted()
	if len(trusted) == 0 {
		v.tell(TVS, Bad, "no list of the phone has a certificate with the role tvs, so it asks nobody")
		return tvs.Answer{}, false
	}
	q.Device = v.device
	for _, address := range v.servers() {
		a, err := tvs.Ask(ctx, tvs.Server{Address: address, Trusted: trusted, Identity: v.shown(), Timeout: v.timeout}, q)
		switch {
		case err != nil:
			v.tell(TVS, Bad, "%v", err)
			continue
		case !a.Valid:
			v.tell(TVS, Bad, "%s does not know the certificate", address)
		case !a.May(role):
			v.tell(TVS, Bad, "%s vouches for it, but not with the role %s", address, role)
		default:
			v.tell(TVS, Good, "%s vouches for it, with the role %s", address, role)
		}
		return a, true
	}
	return tvs.Answer{}, false
}

// shown is the certificate with which the phone shows itself to TVS, its LSC or else its
// MIC.
func (v voucher) shown() *tls.Certificate {
	own := v.own()
	if own == nil {
		return nil
	}
	return &tls.Certificate{Certificate: [][]byte{own.Certificate}, PrivateKey: own.Key}
}
