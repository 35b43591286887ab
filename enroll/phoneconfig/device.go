package phoneconfig

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"slices"

	"capf/enroll/settings"
	"capf/store"
)

// Site is what the configurations of all phones have in common.
type Site struct {
	CAPF []Server
	TVS  []Server // nil while the service tvs is not active
	EAP  string   // the parameter eap_authentication
}

// NewSite takes what they have in common from the parameters and services. Here are the
// addresses of this host, for when none have been set.
func NewSite(inForce *settings.Settings, services []store.Service, here []string) Site {
	hosts := inForce.Addresses
	if len(hosts) == 0 {
		hosts = here[:min(len(here), MostServers)]
	}
	tvs := slices.ContainsFunc(services, func(v store.Service) bool { return v.Name == settings.ServiceTVS && v.Active })
	site := Site{EAP: inForce.EAP}
	for _, host := range hosts {
		site.CAPF = append(site.CAPF, Server{host, inForce.Port})
		if tvs {
			site.TVS = append(site.TVS, Server{host, inForce.TVSPort})
		}
	}
	return site
}

// ReadSite is NewSite with the services of a database.
func ReadSite(ctx context.Context, s *store.Reader, inForce *settings.Settings, here []string) (Site, error) {
	services, err := s.Services(ctx)
	if err != nil {
		return Site{}, err
	}
	return NewSite(inForce, services, here), nil
}

// Held is the certificate that a phone has for itself: the LSC that it has confirmed, else
// its MIC, if that is on record.
type Held struct {
	Kind        string // lsc, mic, or "" when none is known
	Certificate []byte // DER
}

// Hash is the certHash of a configuration file.
func (h Held) Hash() string {
	if h.Certificate == nil {
		return ""
	}
	sum := md5.Sum(h.Certificate)
	return hex.EncodeToString(sum[:])
}

// HeldBy returns what a phone has according to our record.
func HeldBy(ctx context.Context, s *store.Reader, d store.Device) (held Held, err error) {
	held.Kind, held.Certificate, err = s.HeldCertificate(ctx, d.ID)
	return held, err
}

// Of returns what the configuration file of a device has to say.
func (s Site) Of(d store.Device, held Held) Elements {
	e := Elements{
		FullConfig: true, SecurityMode: Nonsecure, Transport: TCP, AuthMode: authMode(d),
		CAPF: s.CAPF, CertHash: held.Hash(), TVS: s.TVS, EAP: s.eap(held),
	}
	switch d.SecurityMode {
	case store.Authenticated:
		e.SecurityMode, e.Transport = Authenticated, TLS
	case store.Encrypted:
		e.SecurityMode, e.Transport = Encrypted, TLS
	}
	return e
}

// authMode is how the phone authenticates for what is scheduled. While nothing is, it must
// not contact CAPF, which would have nothing for it to do.
func authMode(d store.Device) AuthMode {
	if d.Operation == store.NoOperation {
		return NoCAPF
	}
	return map[store.AuthMode]AuthMode{
		store.ByString: ByString, store.ByNullString: ByNullString, store.ByLSCPrecedence: ByLSC, store.ByMICPrecedence: ByMIC,
	}[d.AuthMode]
}

func (s Site) eap(held Held) *EAP {
	eap := EAPEnabled
	switch s.EAP {
	case settings.EAPUser:
		eap = EAPByUser
	case settings.EAPDisabled:
		eap = EAPDisabled
	case settings.EAPEnabled:
	case settings.EAPWithLSC:
		if held.Kind != "lsc" {
			return nil
		}
	default:
		return nil
	}
	return &eap
}
