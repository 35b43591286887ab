package boot

import (
	stdcrypto "crypto"
	"crypto/md5"
	"crypto/x509"
	"encoding/hex"
	"time"

	"capf/enroll/phone"
	"capf/enroll/phoneconfig"
	"capf/enroll/trustlist"
	"capf/enroll/wire"
)

// belongings are what a phone holds.
type belongings struct {
	diary
	memory           Memory
	explain          bool // nothing is stored
	ctl, itl         *trustlist.List
	ctlFile, itlFile []byte
	config           *phoneconfig.Config // in force
	lsc, mic         *phone.Identity     // nil for none
}

// recall reads what the phone has kept.
func (b *belongings) recall(held Held) (err error) {
	b.ctlFile, b.itlFile = held.CTL, held.ITL
	if b.ctl, err = b.recallList(CTL, held.CTL); err != nil {
		return err
	}
	if b.itl, err = b.recallList(ITL, held.ITL); err != nil {
		return err
	}
	if held.Configuration == nil {
		return nil
	}
	if b.config, err = phoneconfig.Parse(held.Configuration); err != nil {
		b.config = nil
		b.tell(Configuration, Note, "the one that the phone holds cannot be read: %v", err)
	}
	return nil
}

func (b *belongings) recallList(step Step, file []byte) (*trustlist.List, error) {
	if file == nil {
		return nil, nil
	}
	l, err := trustlist.Parse(file)
	if err != nil {
		return nil, b.stop(step, "remove it, as one deletes the list on a phone", "the list that the phone holds is none: %v", err)
	}
	b.tell(step, Note, "the phone holds one of %s, signed by %q", l.Time.UTC().Format(time.RFC3339), l.SignerName)
	return l, nil
}

// lists are those that the phone holds.
func (b *belongings) lists() (held []*trustlist.List) {
	for _, l := range []*trustlist.List{b.ctl, b.itl} {
		if l != nil {
			held = append(held, l)
		}
	}
	return held
}

// listFile is the file of the list of a step.
func (b *belongings) listFile(step Step) []byte {
	if step == CTL {
		return b.ctlFile
	}
	return b.itlFile
}

// keepList makes a list the one that the phone holds.
func (b *belongings) keepList(step Step, l *trustlist.List, file []byte) error {
	if step == CTL {
		b.ctl, b.ctlFile = l, file
	} else {
		b.itl, b.itlFile = l, file
	}
	if b.explain {
		return nil
	}
	return b.memory.List(step, file)
}

// keepConfiguration puts a configuration into force.
func (b *belongings) keepConfiguration(c *phoneconfig.Config, file []byte) error {
	b.config = c
	if b.explain {
		return nil
	}
	return b.memory.Configuration(file)
}

// keepLSC keeps the LSC, and its key.
func (b *belongings) keepLSC(certDER []byte, key stdcrypto.Signer) error {
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return err
	}
	if err := b.memory.LSC(certDER, key); err != nil {
		return err
	}
	b.lsc = &phone.Identity{Certificate: certDER, Key: key, Type: wire.TypeLSC}
	b.tell(LSC, Good, "the phone keeps it: %q, issued by %q, until %s", trustlist.Name(cert.RawSubject), trustlist.Name(cert.RawIssuer), cert.NotAfter.UTC().Format("2006-01-02"))
	return nil
}

// forgetLSC deletes the LSC.
func (b *belongings) forgetLSC() error {
	if err := b.memory.Forget(); err != nil {
		return err
	}
	b.lsc = nil
	b.tell(LSC, Good, "the phone deletes it")
	return nil
}

// own is the certificate that the phone uses for itself: its LSC, or else its MIC.
func (b *belongings) own() *phone.Identity {
	if b.lsc != nil {
		return b.lsc
	}
	return b.mic
}

func (b *belongings) ownWord() string {
	if b.lsc != nil {
		return "LSC"
	}
	return "MIC"
}

// preferred is the certificate that the mode prefers, or else the other one.
func (b *belongings) preferred(mode phoneconfig.AuthMode) *phone.Identity {
	if b.lsc == nil || mode == phoneconfig.ByMIC && b.mic != nil {
		return b.mic
	}
	return b.lsc
}

// hashOf is certHash for a certificate.
func hashOf(i *phone.Identity) string {
	sum := md5.Sum(i.Certificate)
	return hex.EncodeToString(sum[:])
}
