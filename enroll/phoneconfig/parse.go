package phoneconfig

import (
	"fmt"
	"strconv"
)

// Config is what a phone reads from a configuration file.
type Config struct {
	Elements
	DeviceProtocol  string // SIP or SCCP
	IPAddressMode   string // 0 IPv4, 1 IPv6, 2 both
	LoadInformation string // the firmware that the phone is to run
	// Faults are the values that cannot be right; such an element counts as missing.
	Faults []string
}

// Parse reads the elements that concern CAPF and security. What is missing is 0, false or
// empty. ErrRefused says why a phone would not read the file.
func Parse(file []byte) (*Config, error) {
	d, err := read(file)
	if err != nil {
		return nil, err
	}
	p := parser{document: d}
	c := Config{
		Elements: Elements{
			FullConfig:   p.flag("fullConfig"),
			SecurityMode: SecurityMode(p.number("deviceSecurityMode", 0, 3)),
			Transport:    Transport(p.number("transportLayerProtocol", 0, 4)),
			AuthMode:     AuthMode(p.number("capfAuthMode", 0, int(ByMIC))),
			CAPF:         p.servers(d.root, "capfList", "capf", "processNodeName", "phonePort"),
			CertHash:     p.text("certHash"),
			Encrypted:    p.flag("encrConfig"),
			EAP:          p.eap(),
		},
		DeviceProtocol: p.text("deviceProtocol"), IPAddressMode: p.text("ipAddressMode"), LoadInformation: p.text("loadInformation"),
	}
	if tvs := p.last(d.root, "TVS"); tvs != nil {
		c.TVS = p.servers(tvs, "members", "member", "address", "port")
	}
	c.Faults = p.faults
	return &c, nil
}

// parser collects what cannot be right.
type parser struct {
	*document
	faults []string
}

func (p *parser) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// last returns the last element of a name below another, or nil: which of several a phone
// takes is not known, so that is told as a fault.
func (p *parser) last(e *element, name string) *element {
	found := e.children(name)
	if len(found) == 0 {
		return nil
	}
	is := found[len(found)-1]
	for _, other := range found[:len(found)-1] {
		if p.inner(other) != p.inner(is) {
			p.fault("%s stands there %d times, with different values", name, len(found))
			break
		}
	}
	return is
}

func (p *parser) text(name string) string { return p.textBelow(p.root, name) }

func (p *parser) textBelow(e *element, name string) string {
	if is := p.last(e, name); is != nil {
		return p.value(is)
	}
	return ""
}

func (p *parser) flag(name string) bool {
	text := p.text(name)
	if text != "" && text != "true" && text != "false" {
		p.fault("%s is %q, not true or false", name, text)
	}
	return text == "true"
}

func (p *parser) number(name string, low, high int) int {
	return p.numberBelow(p.root, name, low, high)
}

func (p *parser) numberBelow(e *element, name string, low, high int) int {
	text := p.textBelow(e, name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		p.fault("%s is %q, not a number from %d to %d", name, text, low, high)
		return 0
	}
	return n
}

// eap is a setting of the model, so it stands below vendorConfig, or is a child of device.
func (p *parser) eap() *EAP {
	e := p.last(p.root, "vendorConfig")
	if e == nil || len(e.children("eapAuthentication")) == 0 {
		e = p.root
	}
	if len(e.children("eapAuthentication")) == 0 {
		return nil
	}
	eap := EAP(p.numberBelow(e, "eapAuthentication", int(EAPByUser), int(EAPEnabled)))
	return &eap
}

// servers reads a list of servers. One without an address is no server.
func (p *parser) servers(e *element, list, member, address, port string) (servers []Server) {
	in := p.last(e, list)
	if in == nil {
		return nil
	}
	for _, m := range in.children(member) {
		s := Server{Address: p.textBelow(m, address), Port: p.numberBelow(m, port, 1, 65535)}
		if s.Address != "" {
			servers = append(servers, s)
		}
	}
	if len(servers) > MostServers {
		p.fault("%s has %d servers; a phone takes %d", list, len(servers), MostServers)
	}
	return servers
}
