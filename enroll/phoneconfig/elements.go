package phoneconfig

import (
	"net"
	"slices"
	"strconv"
)

// Elements are what a configuration file says of CAPF and of security.
type Elements struct {
	FullConfig   bool // false in the companion of an encrypted file
	SecurityMode SecurityMode
	Transport    Transport
	AuthMode     AuthMode
	CAPF         []Server // at most MostServers
	CertHash     string   // of the certificate that the phone is to have; "" for any
	Encrypted    bool     // the configuration is in the encrypted file
	TVS          []Server // nil: as the file has them
	EAP          *EAP     // nil: as the file has it
}

// Server is where a phone finds a service.
type Server struct {
	Address string // a host name or an IP address
	Port    int
}

// MostServers is how many servers of a kind a phone takes.
const MostServers = 5

// AuthMode is capfAuthMode: how the phone authenticates to CAPF.
type AuthMode int

// The values of capfAuthMode.
const (
	NoCAPF AuthMode = iota // the phone does not contact CAPF
	ByString
	ByNullString
	ByLSC // by MIC if it has no LSC
	ByMIC
)

// String is the mode in the words of the tables of devices.
func (m AuthMode) String() string {
	return word(int(m), "the phone does not contact CAPF", "By Authentication String", "By Null String",
		"By Existing Certificate (precedence to LSC)", "By Existing Certificate (precedence to MIC)")
}

// SecurityMode is deviceSecurityMode.
type SecurityMode int

// The values of deviceSecurityMode.
const (
	Nonsecure     SecurityMode = 1
	Authenticated SecurityMode = 2 // TLS without encryption
	Encrypted     SecurityMode = 3
)

func (m SecurityMode) String() string {
	return word(int(m), "", "Nonsecure", "Authenticated", "Encrypted")
}

// Transport is transportLayerProtocol: how the phone speaks to its call server.
type Transport int

// The values of transportLayerProtocol that matter here. Files of the vendor's have others
// for phones that may choose.
const (
	TCP Transport = 1
	UDP Transport = 2
	TLS Transport = 3
)

func (t Transport) String() string { return word(int(t), "", "TCP", "UDP", "TLS") }

// EAP is eapAuthentication: whether the phone takes part in 802.1X.
type EAP int

// The values of eapAuthentication.
const (
	EAPByUser EAP = iota
	EAPDisabled
	EAPEnabled
)

func (e EAP) String() string { return word(int(e), "the user decides", "disabled", "enabled") }

func word(n int, words ...string) string {
	if n < 0 || n >= len(words) || words[n] == "" {
		return "unknown"
	}
	return words[n]
}

// wanted is an element as it is to be.
type wanted struct {
	name  string
	attr  string
	text  string // of one with parts: what to call it
	parts []wanted
	list  bool // there are no others of the name of its parts
	// as says whether a value that the file has is as good. An element that has it is not
	// inserted either.
	as func(value string) bool
	// after names the elements behind which it is inserted, the best first; nil: those that
	// are wanted before it.
	after []string
	first bool // it is inserted before all others
}

// wanted are the elements as children of device, in the order in which files have them. That
// for 802.1X is a setting of the model, and stands among the others of its kind unless the
// file has it outside.
func (e Elements) wanted(eapOutside bool) []wanted {
	all := []wanted{{name: "fullConfig", text: strconv.FormatBool(e.FullConfig), first: true}}
	if e.EAP != nil {
		eap := wanted{name: "eapAuthentication", text: strconv.Itoa(int(*e.EAP))}
		if !eapOutside {
			eap = wanted{name: "vendorConfig", after: []string{"commonProfile", "sipProfile", "devicePool"}, parts: []wanted{eap}}
		}
		all = append(all, eap)
	}
	if len(e.TVS) > 0 {
		all = append(all, wanted{name: "TVS", after: []string{"devicePool"},
			parts: []wanted{{name: "members", list: true, parts: servers(e.TVS, tvsMember)}}})
	}
	all = append(all,
		wanted{name: "deviceSecurityMode", text: strconv.Itoa(int(e.SecurityMode)), after: []string{"networkLocaleInfo", "networkLocale", "loadInformation"}},
		e.transport(),
		wanted{name: "capfAuthMode", text: strconv.Itoa(int(e.AuthMode)), after: []string{"transportLayerProtocol", "deviceSecurityMode"}})
	if len(e.CAPF) > 0 {
		all = append(all, wanted{name: "capfList", list: true, parts: servers(e.CAPF, capfMember), after: []string{"capfAuthMode", "transportLayerProtocol", "deviceSecurityMode"}})
	}
	return append(all,
		wanted{name: "certHash", text: e.CertHash, after: []string{"capfList", "capfAuthMode"}},
		wanted{name: "encrConfig", text: strconv.FormatBool(e.Encrypted), after: []string{"certHash", "capfList", "capfAuthMode"}})
}

// transport leaves a phone without TLS with the protocol that it has: which one is between
// the phone and its call server.
func (e Elements) transport() wanted {
	w := wanted{name: "transportLayerProtocol", text: strconv.Itoa(int(e.Transport)), after: []string{"deviceSecurityMode"}}
	if e.Transport != TLS {
		w.as = func(value string) bool { return value != strconv.Itoa(int(TLS)) }
	}
	return w
}

// ofCompanion are the elements of the companion of an encrypted file that depend on the
// device: the others must stay as they are, or the phone would take it for the whole.
func ofCompanion(all []wanted) []wanted {
	return slices.DeleteFunc(all, func(w wanted) bool {
		return w.name != "capfAuthMode" && w.name != "capfList" && w.name != "certHash"
	})
}

func servers(all []Server, member func(i int, s Server) wanted) (members []wanted) {
	for i, s := range all[:min(len(all), MostServers)] {
		members = append(members, member(i, s))
	}
	return members
}

func capfMember(_ int, s Server) wanted {
	return wanted{name: "capf", text: s.String(), parts: []wanted{
		{name: "phonePort", text: strconv.Itoa(s.Port)}, {name: "processNodeName", text: s.Address}}}
}

func tvsMember(i int, s Server) wanted {
	return wanted{name: "member", attr: ` priority="` + strconv.Itoa(i) + `"`, text: s.String(), parts: []wanted{
		{name: "port", text: strconv.Itoa(s.Port)}, {name: "address", text: s.Address}}}
}

// String is address:port, an IPv6 address in brackets.
func (s Server) String() string { return net.JoinHostPort(s.Address, strconv.Itoa(s.Port)) }
