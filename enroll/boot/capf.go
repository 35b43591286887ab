package boot

import (
	"context"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"capf/crypto"
	"capf/enroll/phone"
	"capf/enroll/phoneconfig"
	"capf/enroll/trustlist"
	"capf/enroll/wire"
	"capf/internal/serialnumber"
)

// capfPort is where CAPF is when the configuration does not say.
const capfPort = 3804

// proof is how the phone proves to CAPF who it is; asked says whether it goes there at all.
func (h *handset) proof() (existing *phone.Identity, asked bool, err error) {
	mode := h.config.AuthMode
	if mode == phoneconfig.NoCAPF && h.despite == "" {
		h.tell(CAPF, Note, "capfAuthMode is 0, so the phone does not contact CAPF: nothing is scheduled for it")
		return nil, false, nil
	}
	why := fmt.Sprintf("capfAuthMode is %d, %s", int(mode), mode)
	if h.despite != "" && mode == phoneconfig.NoCAPF {
		h.tell(CAPF, Note, "the phone contacts CAPF by itself, because %s", h.despite)
		return h.own(), true, nil
	}
	switch mode {
	case phoneconfig.ByString:
		if len(h.Phone.Password) == 0 && !h.Explain {
			return nil, false, h.stop(CAPF, "--auth-string-file holds what the user types", "%s: the phone waits until its user types the authentication string", why)
		}
	case phoneconfig.ByLSC, phoneconfig.ByMIC:
		if existing = h.preferred(mode); existing == nil {
			return nil, false, h.stop(CAPF, "schedule it with a string or the null string: capf device set "+h.Device+" --auth-mode null-string",
				"%s: the phone has neither LSC nor MIC", why)
		}
		why += ", and the phone has " + kindOf(existing)
	}
	h.tell(CAPF, Good, "%s", why)
	return existing, true, nil
}

func kindOf(i *phone.Identity) string {
	if i.Type == wire.TypeMIC {
		return "a MIC"
	}
	return "an LSC"
}

// visit is what the phone does at CAPF.
type visit struct{ *handset }

// servers are those of the configuration, or else the hosts of CAPF records of the list.
func (v *visit) servers() ([]string, error) {
	if v.Servers != nil {
		return v.Servers, nil
	}
	var servers []string
	for _, s := range v.config.CAPF {
		port := s.Port
		if port == 0 {
			port = capfPort
		}
		servers = append(servers, net.JoinHostPort(s.Address, strconv.Itoa(port)))
	}
	if len(servers) > 0 {
		return servers, nil
	}
	for _, l := range v.lists() {
		for _, r := range l.With(trustlist.RoleCAPF) {
			if a, ok := netip.AddrFromSlice(r.Address); ok {
				servers = append(servers, net.JoinHostPort(a.String(), strconv.Itoa(capfPort)))
			} else if r.DNSName != "" {
				servers = append(servers, net.JoinHostPort(r.DNSName, strconv.Itoa(capfPort)))
			}
		}
	}
	if len(servers) == 0 {
		return nil, v.stop(CAPF, "capf phone-config merge writes capfList", "capfList names no server")
	}
	v.tell(CAPF, Note, "capfList names no server, so the phone takes those of its list: %s", strings.Join(servers, ", "))
	return servers, nil
}

// errUntrusted ends a handshake with a server that the phone does not trust.
var errUntrusted = errors.New("its certificate has the role capf in no list of the phone, and TVS does not vouch for it")

// session is the phone's side of CAPF, with the decisions of this package.
func (v *visit) session(ctx context.Context, existing *phone.Identity) (phone.Config, error) {
	servers, err := v.servers()
	if err != nil {
		return phone.Config{}, err
	}
	v.tell(CAPF, Note, "the phone connects to %s", strings.Join(servers, ", then "))
	c := v.Phone
	c.Device, c.Servers, c.Existing = v.Device, servers, existing
	if v.config.AuthMode != phoneconfig.ByString {
		c.Password = nil
	}
	if v.lsc != nil {
		c.LSC = v.lsc.Certificate
	}
	if v.mic != nil {
		c.MIC = v.mic.Certificate
	}
	c.TLS = &tls.Config{}
	if v.Phone.TLS != nil {
		c.TLS = v.Phone.TLS.Clone()
	}
	c.TLS.VerifyConnection = func(state tls.ConnectionState) error {
		if v.trusts(ctx, state.PeerCertificates[0]) {
			return nil
		}
		return fmt.Errorf("%w: %w", phone.ErrUntrusted, errUntrusted)
	}
	c.NewKey, c.Store, c.Delete = v.newKey, v.keepLSC, v.forgetLSC
	return c, nil
}

// trusts decides whether the phone speaks to a CAPF server with that certificate.
func (v *visit) trusts(ctx context.Context, cert *x509.Certificate) bool {
	shown := fmt.Sprintf("the server shows %q, serial number %s", trustlist.Name(cert.RawSubject), serialnumber.Text(cert.SerialNumber))
	if trustlist.Find(v.lists(), cert, trustlist.RoleCAPF) != nil {
		v.tell(CAPF, Good, "%s, which is in the list with the role capf", shown)
		return true
	}
	v.tell(CAPF, Note, "%s, which has the role capf in no list of the phone", shown)
	return v.tvs.vouched(ctx, cert, trustlist.RoleCAPF)
}

// look makes the TLS handshake alone, for Explain.
func (v *visit) look(ctx context.Context, existing *phone.Identity) error {
	c, err := v.session(ctx, existing)
	if err != nil {
		return err
	}
	if _, err = phone.Look(ctx, c); err != nil {
		return v.failed(err)
	}
	if !trustlist.TakesEC(v.lists()) {
		v.tell(LSC, Note, "the phone takes an RSA key only: its list does not have the signer version 1.1")
	}
	return nil
}

// enroll has a session with CAPF, in which the server leads.
func (v *visit) enroll(ctx context.Context, existing *phone.Identity) (phone.Result, error) {
	c, err := v.session(ctx, existing)
	if err != nil {
		return phone.Result{}, err
	}
	r, err := phone.Run(ctx, c)
	if err != nil {
		return r, v.failed(err)
	}
	switch r.Outcome {
	case phone.Nothing:
		v.tell(CAPF, Note, "the server has nothing to do for it")
	case phone.Fetched:
		v.tell(CAPF, Good, "the server has fetched the phone's certificates")
	}
	return r, nil
}

// failed tells why there was no session, or no good one.
func (v *visit) failed(err error) error {
	if !errors.Is(err, phone.ErrUntrusted) {
		v.tell(CAPF, Bad, "%v", err)
		return err
	}
	return v.stop(CAPF, "a list with the certificate of CAPF is needed: capf trust-list verify says whether one has it", "the phone does not connect to CAPF: %v", errUntrusted)
}

// newKey makes a key, if the phone may have an LSC of that kind.
func (v *visit) newKey(kind crypto.KeyKind) (stdcrypto.Signer, error) {
	if strings.HasPrefix(string(kind), "ec-") && !trustlist.TakesEC(v.lists()) {
		v.tell(LSC, Bad, "an %s key is asked for, and the list does not have the signer version 1.1 that EC keys need", kind)
		return nil, errors.New("the list of the phone does not have the signer version 1.1 that EC keys need")
	}
	v.tell(LSC, Good, "the phone makes a key: %s", kind)
	if v.Phone.NewKey != nil {
		return v.Phone.NewKey(kind)
	}
	return crypto.GenerateKey(rand.Reader, kind)
}
