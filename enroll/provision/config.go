package provision

import (
	"context"
	"crypto/x509"
	_ "embed" // the smallest configuration
	"errors"

	"capf/enroll/phoneconfig"
	"capf/enroll/transfer"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// smallest is the configuration of a device when the folder has none: enough for a phone
// to find CAPF, and without a call server.
//
//go:embed smallest.cnf.xml
var smallest []byte

// errSecret keeps what is in an encrypted file to those who can decrypt it.
var errSecret = notFound("the device has an encrypted file, so that the plain one is not given")

// makeConfig makes the configuration file of a device in the form that is asked for.
//
// A device whose encrypted file lies in the folder, as "capf phone-config encrypt" puts it
// there, gets its configuration no other way: the signed file is then the companion, which
// says how to come by the certificate to decrypt it.
func (f *Files) makeConfig(ctx context.Context, r request, d store.Device, base string, form form) (data []byte, made bool, err error) {
	secret := r.folder.lies(base + trustlist.EncryptedEnd)
	if secret && form == asIs {
		return nil, false, errSecret
	}
	if form == encrypted && !secret {
		return nil, false, nil // the phone falls back to the signed one
	}
	elements, err := f.elements(ctx, r, d)
	if err != nil {
		return nil, false, err
	}
	plain, err := f.plainConfig(r, d, base, elements)
	if err != nil || form == asIs {
		return plain, err == nil, err
	}
	signer, err := f.signer(ctx, r, &d)
	if err != nil || signer == nil {
		return nil, false, err // what another tool has signed may be in the folder
	}
	var phone *x509.Certificate
	if secret {
		if !r.folder.has(base) {
			return nil, false, nil // only the one who has encrypted it knows what is in it
		}
		if form == encrypted {
			if phone, err = recipient(ctx, f.config.Store, d); err != nil {
				return nil, false, err
			}
		} else if plain, err = companion(plain, d, elements); err != nil {
			return nil, false, err
		}
	}
	data, err = f.signed.of(r.Name, plain, *signer, phone, f.config.Now())
	return data, err == nil, err
}

// companion is the short file beside an encrypted one.
func companion(plain []byte, d store.Device, e phoneconfig.Elements) ([]byte, error) {
	whole, err := phoneconfig.Parse(plain)
	if err != nil {
		return nil, err
	}
	return phoneconfig.Companion(whole, d, e), nil
}

// elements are those that concern security in the configuration of a device.
func (f *Files) elements(ctx context.Context, r request, d store.Device) (phoneconfig.Elements, error) {
	var here []string
	if r.Local.IsValid() { // where the phone has found this, it finds CAPF
		here = append(here, r.Local.String())
	}
	held, err := phoneconfig.HeldBy(ctx, f.config.Store, d)
	return phoneconfig.NewSite(&r.Settings, r.services, here).Of(d, held), err
}

// plainConfig is the file of the device in the folder, or else the one for all in it, or
// else the smallest, with what concerns security put into it.
func (f *Files) plainConfig(r request, d store.Device, base string, elements phoneconfig.Elements) ([]byte, error) {
	var template []byte
	err := notFound("")
	for _, name := range []string{base, defaultName} {
		if template, err = r.folder.read(name); !errors.Is(err, transfer.ErrNotFound) {
			break
		}
	}
	switch {
	case errors.Is(err, transfer.ErrNotFound):
		template = smallest
	case err != nil:
		return nil, err
	}
	merged, err := phoneconfig.Merge(template, elements)
	if errors.Is(err, apperr.ErrRefused) {
		// The phone has worked with it so far.
		f.requests.warn("the configuration of a device goes out as it is, without what capf would put into it", "device", d.Name, "reason", err)
		return template, nil
	}
	return merged, err
}

// recipient is the certificate to which files for the device are encrypted. Where there is
// none for that, the phone falls back to the signed file.
func recipient(ctx context.Context, s *store.Reader, d store.Device) (*x509.Certificate, error) {
	held, err := phoneconfig.HeldBy(ctx, s, d)
	if err != nil {
		return nil, err
	}
	phone, err := phoneconfig.Recipient(d, held)
	if errors.Is(err, apperr.ErrRefused) {
		return nil, notFound(err.Error())
	}
	return phone, err
}
