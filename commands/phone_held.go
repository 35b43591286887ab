package commands

import (
	stdcrypto "crypto"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"capf/commands/internal/files"
	"capf/crypto/certfile"
	"capf/enroll/boot"
	"capf/enroll/phone"
	"capf/enroll/trustlist"
	"capf/enroll/wire"
	"capf/internal/apperr"
)

// heldFolder is where a phone keeps what it holds, in files that begin with its name.
type heldFolder struct {
	env    *Env
	dir    string
	device string
}

func (h heldFolder) file(ending string) string { return filepath.Join(h.dir, h.device+ending) }

// listFile is the file of a list.
func (h heldFolder) listFile(step boot.Step) string {
	return h.file("." + trustlist.Kind(step).FileName())
}

// read reads what the phone holds.
func (h heldFolder) read() (held boot.Held, err error) {
	if err := mustBeFolder(h.env, "held", h.dir); err != nil {
		return held, err
	}
	if held.CTL, err = h.optional(h.listFile(boot.CTL), trustlist.MaxFile); err != nil {
		return held, err
	}
	if held.ITL, err = h.optional(h.listFile(boot.ITL), trustlist.MaxFile); err != nil {
		return held, err
	}
	if held.Configuration, err = h.optional(h.file(trustlist.ConfigEnd), trustlist.MaxFile); err != nil {
		return held, err
	}
	held.LSC, err = h.readLSC()
	return held, err
}

// mustBeFolder refuses what a flag names if it is no folder, or cannot be looked at.
func mustBeFolder(env *Env, flag, dir string) error {
	info, err := env.door().Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return apperr.WithHint(apperr.Usage("--%s: there is no folder %q", flag, dir), "mkdir makes it")
	case err != nil:
		return apperr.Usage("--%s: opening %q: %v", flag, dir, apperr.WithoutPath(err))
	case !info.IsDir():
		return apperr.Usage("--%s: %q is not a folder", flag, dir)
	}
	return nil
}

// optional reads a file, or nothing where there is none.
func (h heldFolder) optional(name string, limit int64) ([]byte, error) {
	data, err := h.env.readInput(name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func (h heldFolder) readLSC() (*phone.Identity, error) {
	data, err := h.optional(h.file(".pem"), certificateLimit)
	if err != nil || data == nil {
		return nil, err
	}
	certs, err := certfile.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", h.file(".pem"), err)
	}
	key, err := phoneKey(h.env, h.file(".key"))
	if err != nil {
		return nil, err
	}
	return &phone.Identity{Certificate: certs[0].Raw, Key: key, Type: wire.TypeLSC}, nil
}

func (h heldFolder) keepList(step boot.Step, file []byte) error {
	return files.Replace(h.env.door(), h.listFile(step), file, 0o644)
}

// keepConfiguration writes a file that only its owner reads: it may hold passwords.
func (h heldFolder) keepConfiguration(file []byte) error {
	return files.Replace(h.env.door(), h.file(trustlist.ConfigEnd), file, 0o600)
}

func (h heldFolder) keepLSC(der []byte, key stdcrypto.Signer) error {
	return h.identity().keep(der, key)
}

func (h heldFolder) forget() error { return h.identity().remove() }

// identity is the certificate and its key, as phone enroll keeps them.
func (h heldFolder) identity() phoneOptions {
	return phoneOptions{Config: phone.Config{Device: h.device}, door: h.env.door(), dir: h.dir}
}
