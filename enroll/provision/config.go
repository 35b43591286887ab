package provision

import (
	"context"
	"crypto/x509"
	_ "embed" // the smallest configuration
	"errors"
	"fmt"

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

// makeConfig makes the configuration file of a device in the form that is asked for.
func (f *Files) makeConfig(ctx context.Context, r request, d store.Device, base string, form form) (data []byte, made bool, err error) {
	plain, err := f.plainConfig(ctx, r, d, base)
	if err != nil || form == asIs {
		return plain, err == nil, err
	}
	signer, err := f.signer(ctx, r)
	if err != nil || signer == nil {
		return nil, false, err // one that another tool has signed may be in the folder
	}
	if form == signed {
		data, err = f.signed.of(r.Name, plain, *signer, nil, f.config.Now())
		return data, err == nil, err
	}
	phone, err := recipient(ctx, f.config.Store, d)
	if err != nil {
		return nil, false, err
	}
	data, err = f.signed.of(r.Name, plain, *signer, phone, f.config.Now())
	return data, err == nil, err
}

// plainConfig is the file of the device in the folder, or else the one for all in it, or
// else the smallest, with what concerns security put into it.
func (f *Files) plainConfig(ctx context.Context, r request, d store.Device, base string) ([]byte, error) {
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
	var here []string
	if r.Local.IsValid() { // where the phone has found this, it finds CAPF
		here = append(here, r.Local.String())
	}
	elements, err := phoneconfig.ElementsOf(ctx, f.config.Store, d, here)
	if err != nil {
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

// recipient is the certificate to which files for the device are encrypted.
func recipient(ctx context.Context, s *store.Reader, d store.Device) (*x509.Certificate, error) {
	held, err := phoneconfig.HeldBy(ctx, s, d)
	if err != nil {
		return nil, err
	}
	if held.Certificate == nil {
		return nil, notFound("the device has neither an LSC nor a MIC on record, so nothing can be encrypted for it")
	}
	phone, err := x509.ParseCertificate(held.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of %s: %w", d.Name, err)
	}
	if err := trustlist.CheckRecipient(phone); err != nil {
		return nil, notFound(err.Error()) // it falls back to the signed file
	}
	return phone, nil
}
