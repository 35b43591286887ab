package provision

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"capf/enroll/lists"
	"capf/enroll/trustlist"
	"capf/store"
)

// signer is who signs files for phones, or for one device, whose model may take another
// digest than the others; nil when no key for that is kept.
func (f *Files) signer(ctx context.Context, r request, d *store.Device) (*trustlist.Signer, error) {
	certificate, key, err := lists.FileSigner(ctx, f.config.Store, f.config.Sealer)
	if errors.Is(err, lists.ErrNoFileSigner) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	variant := r.lists
	if d != nil {
		variant, _ = variant.For(*d)
		return &trustlist.Signer{Certificate: certificate, Key: key, Digest: variant.Digest}, nil
	}
	digest, err := f.common.digest(ctx, f.config, variant)
	return &trustlist.Signer{Certificate: certificate, Key: key, Digest: digest}, err
}

// common keeps the digest of files that are for all, which looks at the models of all
// devices, for a few seconds. The zero value is ready to use.
type common struct {
	mu      sync.Mutex // guards the rest
	variant lists.Variant
	found   trustlist.Digest
	until   time.Time
}

// commonKept is how long a digest is kept.
const commonKept = 5 * time.Second

func (c *common) digest(ctx context.Context, config Config, v lists.Variant) (trustlist.Digest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := config.Now()
	if c.variant == v && now.Before(c.until) {
		return c.found, nil
	}
	found, err := v.Common(ctx, config.Store)
	if err == nil {
		c.variant, c.found, c.until = v, found, now.Add(commonKept)
	}
	return found, err
}

// signStored signs a file of the folder, such as the soft keys or a ring tone, if no
// other tool has done so.
func (f *Files) signStored(ctx context.Context, r request, base string) (data []byte, made bool, err error) {
	if r.folder.has(r.Name) {
		return nil, false, nil
	}
	signer, err := f.signer(ctx, r, nil)
	if err != nil || signer == nil {
		return nil, false, err
	}
	plain, err := r.folder.read(base)
	if err != nil {
		return nil, false, err
	}
	data, err = f.signed.of(r.Name, plain, *signer, nil, f.config.Now())
	return data, err == nil, err
}

// signatures keeps signed files, so that a file costs one signature until it changes,
// however often phones ask for it. The zero value is ready to use.
type signatures struct {
	mu    sync.Mutex // guards the rest
	files map[signature][]byte
	bytes int
}

// signature is what a signed file depends on.
type signature struct {
	name                     string
	plain, signer, recipient [sha256.Size]byte
	digest                   trustlist.Digest
}

// mostSigned is how many bytes of signed files are kept.
const mostSigned = 64 << 20

// of signs a file and, with a recipient, encrypts it before.
func (s *signatures) of(name string, plain []byte, by trustlist.Signer, recipient *x509.Certificate, now time.Time) ([]byte, error) {
	k := signature{name: name, plain: sha256.Sum256(plain), signer: sha256.Sum256(by.Certificate.Raw), digest: by.Digest}
	if recipient != nil {
		k.recipient = sha256.Sum256(recipient.Raw)
	}
	s.mu.Lock()
	file := s.files[k]
	s.mu.Unlock()
	if file != nil {
		return file, nil
	}
	var err error
	if recipient != nil {
		file, err = trustlist.Encrypt(name, plain, recipient, by, now)
	} else {
		file, err = trustlist.SignFile(name, plain, by, now)
	}
	if err == nil {
		s.keep(k, file)
	}
	return file, err
}

func (s *signatures) keep(k signature, file []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil || s.bytes+len(file) > mostSigned {
		s.files, s.bytes = map[signature][]byte{}, 0
	}
	s.files[k] = file
	s.bytes += len(file)
}
