package boot

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/enroll/phone"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
)

// TestBarePhone is one without anything: it takes the first list by a leap of faith, reads
// its configuration, and would contact the CAPF server that the list names.
func TestBarePhone(t *testing.T) {
	s := newSite(t)
	s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCAPF))
	s.files[device+".cnf.xml"] = s.config(2, "")
	r, told, err := s.boot(Held{}, nil)
	if err != nil || r.Outcome != WouldEnroll {
		t.Error(r.Outcome, err)
	}
	same(t, told, fmt.Sprintf(`CTL note: the phone asks http://FILES
CTL note: CTL%[1]s.tlv: the server has none
ITL note: ITL%[1]s.tlv: the server has none
ITL ok: ITLFile.tlv: taken, leap of faith: the phone holds no list, and takes the first one from anybody; it has the roles sast, capf
configuration ok: %[1]s.cnf.xml: %[2]d bytes
CAPF ok: capfAuthMode is 2, By Null String
CAPF note: the phone connects to CAPF
CAPF ok: the server shows "CN=CAPF-0a1b2c3d", serial number 0d, which is in the list with the role capf
LSC note: the phone takes an RSA key only: its list does not have the signer version 1.1`, device, len(s.files[device+".cnf.xml"])))
}

func same(t *testing.T, told []string, want string) {
	t.Helper()
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("told:\n%s\nwant:\n%s", got, want)
	}
}

// TestWhyNot has a reason why a phone does not enroll in each case.
func TestWhyNot(t *testing.T) {
	spare := trustlist.NewRecord(certificate(t, "ccm.crt"), trustlist.RoleSAST)
	tftp := trustlist.NewRecord(certificate(t, "ccm.crt"), trustlist.RoleTFTP)
	for what, c := range map[string]struct {
		prepare func(s *site) Held
		says    string // a decision
		stops   bool
	}{
		"no list": {func(s *site) Held {
			delete(s.files, "ITLFile.tlv")
			return Held{}
		}, "ITL no: the phone has no list, so it trusts no CAPF server", true},
		"another certificate in the list": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(newIdentity(t, "CAPF-old"), trustlist.RoleCAPF))
			return Held{}
		}, "TVS no: no list of the phone has a certificate with the role tvs, so it asks nobody", true},
		"another role in the list": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCCM))
			return Held{}
		}, `CAPF note: the server shows "CN=CAPF-0a1b2c3d", serial number 0d, which has the role capf in no list of the phone`, true},
		"TVS vouches": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(s.tvs, trustlist.RoleTVS))
			s.vouches[string(s.capf.Leaf.Raw)] = []trustlist.Role{trustlist.RoleCAPF}
			return Held{}
		}, "TVS ok: TVS vouches for it, with the role capf", false},
		"TVS vouches for another role": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(s.tvs, trustlist.RoleTVS))
			s.vouches[string(s.capf.Leaf.Raw)] = []trustlist.Role{trustlist.RoleCCM}
			return Held{}
		}, "TVS no: TVS vouches for it, but not with the role capf", true},
		"TVS does not know it": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(s.tvs, trustlist.RoleTVS))
			return Held{}
		}, "TVS no: TVS does not know the certificate", true},
		"another TVS": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(newIdentity(t, "TVS-old"), trustlist.RoleTVS))
			return Held{}
		}, "TVS no: TLS with TVS at TVS: its certificate is none of those that the list names as TVS", true},
		"list of a stranger": {func(s *site) Held {
			held := list(t, with(s.capf, trustlist.RoleCAPF))
			s.files["ITLFile.tlv"] = signedList(t, "ITLFile.tlv", "ccm")
			return Held{ITL: held}
		}, `in no list of the phone, and these name no TVS server that it could ask`, false},
		"list of a stranger, vouched": {func(s *site) Held {
			held := list(t, with(s.capf, trustlist.RoleCAPF), with(s.tvs, trustlist.RoleTVS))
			s.files["ITLFile.tlv"] = signedList(t, "ITLFile.tlv", "ccm", with(s.capf, trustlist.RoleCAPF))
			s.vouches[string(certificate(t, "ccm.crt").Raw)] = []trustlist.Role{trustlist.RoleSAST}
			return Held{ITL: held, Configuration: s.config(2, "")}
		}, "ITL ok: ITLFile.tlv: taken, TVS vouches for its signer; it has the roles sast, capf", false},
		"list of a stranger, not vouched": {func(s *site) Held {
			held := list(t, with(s.capf, trustlist.RoleCAPF), with(s.tvs, trustlist.RoleTVS))
			s.files["ITLFile.tlv"] = signedList(t, "ITLFile.tlv", "ccm")
			return Held{ITL: held, Configuration: s.config(2, "")}
		}, "ITL no: ITLFile.tlv: not taken: TVS does not vouch for its signer; the phone keeps what it has", false},
		"rotated to the spare": {func(s *site) Held {
			held := list(t, spare)
			s.files["ITLFile.tlv"] = signedList(t, "ITLFile.tlv", "ccm", with(s.capf, trustlist.RoleCAPF))
			return Held{ITL: held}
		}, `taken, accepted: its signer "CN=asterisk.example.com,OU=Voice,O=Example GmbH,L=Berlin,ST=Berlin,C=DE" is in the phone's ITLFile.tlv with the role sast`, false},
		"the list that it holds": {func(s *site) Held {
			return Held{ITL: s.files["ITLFile.tlv"]}
		}, "ITL ok: ITLFile.tlv: the one that the phone holds", false},
		"its own list": {func(s *site) Held {
			s.files["ITL"+device+".tlv"] = s.files["ITLFile.tlv"]
			s.files["ITLFile.tlv"] = nil
			return Held{}
		}, "ITL ok: ITL" + device + ".tlv: taken, leap of faith", false},
		"CTL first, which vouches for the ITL": {func(s *site) Held {
			s.files["CTL"+device+".tlv"] = signedList(t, "CTLFile.tlv", "sast", spare)
			s.files["ITLFile.tlv"] = signedList(t, "ITLFile.tlv", "ccm", with(s.capf, trustlist.RoleCAPF))
			return Held{}
		}, "is in the phone's CTLFile.tlv with the role sast", false},
		"changed list": {func(s *site) Held {
			s.files["ITLFile.tlv"] = bytes.Replace(s.files["ITLFile.tlv"], []byte("CAPF-0a1b"), []byte("CAPF-0a1c"), 1)
			return Held{}
		}, "or the file was changed", true},
		"no list at all": {func(s *site) Held {
			s.files["ITLFile.tlv"] = []byte("<html>")
			return Held{}
		}, "ITL no: ITLFile.tlv: no list: neither a trust list nor a signed file", true},
		"no configuration": {func(s *site) Held {
			delete(s.files, device+".cnf.xml")
			return Held{}
		}, device + " has no configuration: the server has none that the phone takes", true},
		"configuration of before": {func(s *site) Held {
			delete(s.files, device+".cnf.xml")
			return Held{Configuration: s.config(2, "")}
		}, "configuration note: the phone stays with the configuration that it holds", false},
		"no XML": {func(s *site) Held {
			s.files[device+".cnf.xml"] = []byte("<device>")
			return Held{}
		}, "the phone cannot read that of the server", true},
		"not signed": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCAPF), tftp)
			return Held{}
		}, "configuration no: " + device + ".cnf.xml.sgn: the server has none", true},
		"signed": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCAPF), tftp)
			s.sign(".cnf.xml.sgn", "ccm", s.config(2, ""))
			return Held{}
		}, "configuration ok: " + device + ".cnf.xml.sgn: taken, its signer", false},
		"signed by another one": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCAPF), tftp)
			s.sign(".cnf.xml.sgn", "sast", s.config(2, ""))
			return Held{}
		}, "not taken: its signer \"CN=SAST,OU=SAST,O=Example GmbH\" has the role tftp in no list of the phone", true},
		"signed by another one, vouched": {func(s *site) Held {
			s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCAPF), tftp, with(s.tvs, trustlist.RoleTVS))
			s.sign(".cnf.xml.sgn", "sast", s.config(2, ""))
			s.vouches[string(certificate(t, "sast.crt").Raw)] = []trustlist.Role{trustlist.RoleTFTP}
			return Held{Configuration: s.config(2, "")}
		}, "cnf.xml.sgn: taken, TVS vouches for its signer", false},
		"nothing scheduled": {func(s *site) Held {
			s.files[device+".cnf.xml"] = s.config(0, "")
			return Held{}
		}, "CAPF note: capfAuthMode is 0, so the phone does not contact CAPF", false},
		"no certificate to prove it": {func(s *site) Held {
			s.files[device+".cnf.xml"] = s.config(3, "")
			return Held{}
		}, "By Existing Certificate (precedence to LSC): the phone has neither LSC nor MIC", true},
		"by LSC": {func(s *site) Held {
			s.files[device+".cnf.xml"] = s.config(3, "")
			return Held{LSC: anLSC(t)}
		}, "and the phone has an LSC", false},
		"another certHash": {func(s *site) Held {
			s.files[device+".cnf.xml"] = s.config(2, "<certHash>19448367ef15f0948be70d91086543f0</certHash>")
			return Held{LSC: anLSC(t)}
		}, "and that of the phone's LSC is 19448367ef15f0948be70d91086543fb", false},
		"a secure phone": {func(s *site) Held {
			s.files[device+".cnf.xml"] = s.config(2, "<deviceSecurityMode>3</deviceSecurityMode>")
			return Held{}
		}, "deviceSecurityMode is 3, Encrypted, and no list has a certificate with the role ccm", false},
		"no server": {func(s *site) Held {
			s.files[device+".cnf.xml"] = []byte("<device><capfAuthMode>2</capfAuthMode></device>")
			return Held{}
		}, "CAPF no: capfList names no server", true},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t)
			s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCAPF))
			s.files[device+".cnf.xml"] = s.config(2, "")
			_, told, err := s.boot(c.prepare(s), nil)
			if !slices.ContainsFunc(told, func(line string) bool { return strings.Contains(line, c.says) }) {
				t.Errorf("nobody says %q:\n%s", c.says, strings.Join(told, "\n"))
			}
			if errors.Is(err, apperr.ErrRefused) != c.stops {
				t.Errorf("%v\n%s", err, strings.Join(told, "\n"))
			}
		})
	}
}

// sign puts a signed configuration onto the server.
func (s *site) sign(ending, signer string, plain []byte) {
	s.t.Helper()
	b, err := trustlist.SignFile(device+ending, plain, s.signer(signer), time.Unix(1, 0))
	if err != nil {
		s.t.Fatal(err)
	}
	s.files[device+ending] = b
}

func (s *site) signer(name string) trustlist.Signer {
	return trustlist.Signer{Certificate: certificate(s.t, name+".crt"), Key: key(s.t, name+".key"), Digest: trustlist.SHA1}
}

// TestEncrypted has the ways of an encrypted configuration.
func TestEncrypted(t *testing.T) {
	hash := func(i *phone.Identity) string { return fmt.Sprintf("%x", md5.Sum(i.Certificate)) }
	lsc := anLSC(t)
	for what, c := range map[string]struct {
		lsc   *phone.Identity
		hash  string
		file  func(b []byte) []byte
		says  string
		comes bool // to CAPF
	}{
		"decrypted":       {lsc, hash(lsc), nil, "SEP001122334455.cnf.xml.enc.sgn: decrypted to ", false},
		"another hash":    {lsc, strings.Repeat("0", 32), nil, "its configuration is encrypted for another certificate: certHash is 0000", true},
		"blank hash":      {lsc, "", nil, "certHash is blank", true},
		"no certificate":  {nil, hash(lsc), nil, "its configuration is encrypted, and it has no certificate", true},
		"file is missing": {lsc, hash(lsc), func([]byte) []byte { return nil }, "the phone makes do with the signed configuration", false},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t)
			s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCAPF), trustlist.NewRecord(certificate(t, "ccm.crt"), trustlist.RoleCCMTFTP))
			s.sign(".cnf.xml.sgn", "ccm", s.config(0, "<certHash>"+c.hash+"</certHash><encrConfig>true</encrConfig>"))
			name := device + ".cnf.xml.enc.sgn"
			b, err := trustlist.Encrypt(name, s.config(0, ""), certificate(t, "phone.crt"), s.signer("ccm"), time.Unix(1, 0))
			if err != nil {
				t.Fatal(err)
			}
			if s.files[name] = b; c.file != nil {
				delete(s.files, name)
			}
			r, told, err := s.boot(Held{LSC: c.lsc}, nil)
			all := strings.Join(told, "\n")
			if err != nil || !strings.Contains(all, c.says) || (r.Outcome == WouldEnroll) != c.comes {
				t.Errorf("%v, %s\n%s", err, r.Outcome, all)
			}
		})
	}
}

// TestNoITL has a model that takes none.
func TestNoITL(t *testing.T) {
	s := newSite(t)
	s.files["ITLFile.tlv"] = list(t, with(s.capf, trustlist.RoleCAPF))
	s.files[device+".cnf.xml"] = s.config(2, "")
	small := func(c *Config) { c.Model = "CP-6901" }
	if _, told, err := s.boot(Held{}, small); !errors.Is(err, apperr.ErrRefused) {
		t.Error(err, told)
	}
	s.files["CTL"+device+".tlv"] = signedList(t, "CTLFile.tlv", "sast", with(s.capf, trustlist.RoleCAPF))
	if r, told, err := s.boot(Held{}, small); err != nil || r.Outcome != WouldEnroll {
		t.Error(err, told)
	}
}

// TestNoAnswer has a server that is not there.
func TestNoAnswer(t *testing.T) {
	s := newSite(t)
	s.web.Close()
	r, told, err := s.boot(Held{}, nil)
	if err == nil || errors.Is(err, apperr.ErrRefused) || r.Outcome != Stopped || len(told) != 2 {
		t.Error(r.Outcome, err, told)
	}
}

// TestEachFileOnce: a phone that has to find out by what protocol its server speaks asks
// for no file twice.
func TestEachFileOnce(t *testing.T) {
	s := newSite(t)
	_, told, err := s.boot(Held{}, func(c *Config) { c.Source.Protocol = "" })
	want := []string{"CTL" + device + ".tlv", "ITL" + device + ".tlv", "ITLFile.tlv", device + ".cnf.xml"}
	if !slices.Equal(s.asked, want) || len(told) == 0 || !strings.HasPrefix(told[0], "CTL note: the phone asks http://") {
		t.Error(err, s.asked, told)
	}
}
