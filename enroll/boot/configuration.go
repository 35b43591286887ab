package boot

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"

	"capf/enroll/phone"
	"capf/enroll/phoneconfig"
	"capf/enroll/transfer"
	"capf/enroll/trustlist"
)

// fetchConfiguration fetches the phone's configuration, signed where its list demands that,
// and the encrypted one behind it where that says so. One that it does not take leaves it
// with the configuration that it holds; without any it stops.
func (h *handset) fetchConfiguration(ctx context.Context) error {
	h.despite = ""
	name := h.Device + trustlist.ConfigEnd
	asking := h.asksForSigned()
	signed := asking != nil
	if signed {
		name += trustlist.SignedEnd
		h.tell(Configuration, Note, "the phone's %s has the role tftp, so it takes signed files only", asking.Header.FileName)
	}
	file, err := h.fetchFile(ctx, name, signed)
	if err != nil {
		return err
	}
	if file == nil {
		return h.stay("the server has none that the phone takes")
	}
	config, err := phoneconfig.Parse(file)
	if err != nil {
		h.tell(Configuration, Bad, "%s: %v", name, err)
		return h.stay("the phone cannot read that of the server")
	}
	if config.Encrypted {
		if full, err := h.fetchEncrypted(ctx, config); err != nil {
			return err
		} else if full != nil {
			config, file = full.config, full.file
		}
	}
	h.remark(config)
	return h.keepConfiguration(config, file)
}

// remark tells what in a configuration will trouble the phone.
func (h *handset) remark(config *phoneconfig.Config) {
	for _, fault := range config.Faults {
		h.tell(Configuration, Bad, "%s", fault)
	}
	if own := h.own(); own != nil && !config.Encrypted && config.CertHash != "" && config.CertHash != hashOf(own) {
		h.tell(Configuration, Note, "certHash is %s, and that of the phone's %s is %s: the server takes it to have another certificate", config.CertHash, h.ownWord(), hashOf(own))
	}
	if config.SecurityMode < phoneconfig.Authenticated {
		return
	}
	for _, l := range h.lists() {
		if len(l.With(trustlist.RoleCCM)) > 0 {
			return
		}
	}
	h.tell(Configuration, Note, "deviceSecurityMode is %d, %s, and no list has a certificate with the role ccm: the phone asks TVS about its call server", int(config.SecurityMode), config.SecurityMode)
}

// asksForSigned is the list because of which the phone asks for signed files, or nil.
func (h *handset) asksForSigned() *trustlist.List {
	for _, l := range h.lists() {
		if trustlist.NeedsSignedFiles([]*trustlist.List{l}) {
			return l
		}
	}
	return nil
}

// stay leaves the phone with the configuration that it holds.
func (h *handset) stay(why string) error {
	if h.config == nil {
		hint := "capf device add has provision make one; capf phone-config merge completes those of a folder"
		if h.asksForSigned() != nil {
			hint = "capf trust-list add CERT --role tftp --key FILE --yes has capf sign files; or delete that list on the phone"
		}
		return h.stop(Configuration, hint, "%s has no configuration: %s", h.Device, why)
	}
	h.tell(Configuration, Note, "the phone stays with the configuration that it holds")
	return nil
}

// fetchFile fetches a configuration, without its signature. It is nil when the phone does
// not take it, or the server has none.
func (h *handset) fetchFile(ctx context.Context, name string, signed bool) ([]byte, error) {
	file, err := h.fetch(ctx, Configuration, name)
	switch {
	case isNothing(err):
		h.tell(Configuration, Bad, "%s: the server has none", name)
		return nil, nil
	case errors.Is(err, transfer.ErrForbidden), errors.Is(err, transfer.ErrTooLarge):
		h.tell(Configuration, Bad, "%v", err)
		return nil, nil
	case err != nil:
		return nil, h.unreachable(Configuration, err)
	case !signed:
		h.tell(Configuration, Good, "%s: %d bytes", name, len(file))
		return file, nil
	}
	f := h.openSigned(ctx, name, file)
	if f == nil {
		return nil, context.Cause(ctx)
	}
	if f.Encryption != nil {
		return file, nil
	}
	return f.Body, nil
}

// openSigned verifies a signed file. It is nil when the phone does not take it.
func (h *handset) openSigned(ctx context.Context, name string, file []byte) *trustlist.File {
	f, err := trustlist.ParseFile(file)
	if err != nil {
		h.tell(Configuration, Bad, "%s: no signed file: %v", name, err)
		return nil
	}
	v := trustlist.JudgeFile(h.lists(), f)
	switch v.Outcome {
	case trustlist.Accepted:
		h.tell(Configuration, Good, "%s: taken, %s", name, v.Reason)
		return f
	case trustlist.AskTVS:
		h.tell(Configuration, Note, "%s: %s", name, v.Reason)
		if signer := h.tvs.asked(ctx, f); signer == nil {
			h.tell(Configuration, Bad, "%s: not taken: TVS does not vouch for its signer", name)
		} else if err := f.Verify(signer); err != nil {
			h.tell(Configuration, Bad, "%s: not taken: %v", name, err)
		} else {
			h.tell(Configuration, Good, "%s: taken, TVS vouches for its signer", name)
			return f
		}
	default:
		h.tell(Configuration, Bad, "%s: not taken: %s", name, v.Reason)
	}
	return nil
}

// decrypted is a configuration that was encrypted for the phone.
type decrypted struct {
	file   []byte
	config *phoneconfig.Config
}

// fetchEncrypted fetches the encrypted configuration that the short one promises. Where the
// phone cannot have it, it stays with the short one, and goes to CAPF for a certificate with
// which it can.
func (h *handset) fetchEncrypted(ctx context.Context, short *phoneconfig.Config) (*decrypted, error) {
	own := h.own()
	switch {
	case own == nil:
		h.despite = "its configuration is encrypted, and it has no certificate"
	case short.CertHash == "":
		h.despite = "its configuration is encrypted, and certHash is blank"
	case short.CertHash != hashOf(own):
		h.despite = fmt.Sprintf("its configuration is encrypted for another certificate: certHash is %s, and that of the phone's %s is %s", short.CertHash, h.ownWord(), hashOf(own))
	}
	if h.despite != "" {
		h.tell(Configuration, Bad, "the phone needs another certificate: %s", h.despite)
		return nil, nil
	}
	h.tell(Configuration, Good, "certHash %s is that of the phone's %s", short.CertHash, h.ownWord())
	name := h.Device + trustlist.ConfigEnd + trustlist.EncryptedEnd
	file, err := h.fetchFile(ctx, name, true)
	if err != nil {
		return nil, err
	}
	if file == nil {
		h.tell(Configuration, Note, "the phone makes do with the signed configuration")
		return nil, nil
	}
	plain, config, err := decrypt(file, own)
	if err != nil {
		h.despite = fmt.Sprintf("%s cannot be decrypted: %v", name, err)
		h.tell(Configuration, Bad, "%s", h.despite)
		return nil, nil
	}
	h.tell(Configuration, Good, "%s: decrypted to %d bytes", name, len(plain))
	return &decrypted{plain, config}, nil
}

// decrypt reads an encrypted configuration with the key of the phone's certificate.
func decrypt(file []byte, own *phone.Identity) ([]byte, *phoneconfig.Config, error) {
	f, err := trustlist.ParseFile(file)
	if err != nil {
		return nil, nil, err
	}
	key, ok := own.Key.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("the key of the phone's certificate is no RSA key")
	}
	plain, err := f.Decrypt(key)
	if err != nil {
		return nil, nil, err
	}
	config, err := phoneconfig.Parse(plain)
	return plain, config, err
}
