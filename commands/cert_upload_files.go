package commands

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/archive"
	"capf/enroll/authority"
	"capf/internal/apperr"
	"capf/store"
)

// uploadFiles reads the files and folders that are named.
func uploadFiles(env *Env, o certUploadOptions) ([]authority.UploadFile, error) {
	r := uploadReader{env: env}
	for _, name := range o.files {
		var err error
		switch {
		case isFolder(env, name):
			err = r.folder(name, o)
		case len(o.purposes) == 0 && !o.capf:
			err = apperr.WithHint(apperr.Usage("--purpose is missing"),
				"it is %s, or %s for the CAPF certificate", strings.Join(purposeNames(), ", "), capfPurpose)
		default:
			err = r.file(name, o.purposes)
		}
		if err != nil {
			return nil, err
		}
	}
	return r.read, nil
}

// isFolder says whether a folder is named. Whoever reads it finds out what is
// neither a folder nor a file.
func isFolder(env *Env, name string) bool {
	if name == "-" {
		return false
	}
	info, err := env.door().Stat(name)
	return err == nil && info.IsDir()
}

// uploadReader gathers the files of an upload.
type uploadReader struct {
	env      *Env
	sidecars bool // read what describes a certificate, too
	read     []authority.UploadFile
}

func (r *uploadReader) file(name string, purposes []store.Purpose) error {
	data, err := r.env.readInput(name, certificateLimit)
	if err != nil {
		return err
	}
	r.read = append(r.read, authority.UploadFile{Name: name, Data: data, Purposes: purposes})
	return nil
}

// folder takes the certificates of a folder or, without a purpose, of the folders in it
// that are called like the trust stores. Every file in it gets its row.
func (r *uploadReader) folder(name string, o certUploadOptions) (err error) {
	before := len(r.read)
	if len(o.purposes) > 0 || o.capf {
		err = r.filesOf(name, o.purposes)
	} else {
		err = r.storesOf(name)
	}
	if err != nil {
		return err
	}
	if len(r.read) == before {
		return apperr.WithHint(apperr.Usage("folder %q: it is empty", name),
			"without --purpose, certificates belong in folders called like the trust stores: %s", strings.Join(purposeNames(), ", "))
	}
	return nil
}

// storesOf takes what is in the folders that are called like trust stores.
func (r *uploadReader) storesOf(folder string) error {
	entries, err := files.ReadFolder(r.env.door(), folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
			r.read = append(r.read, authority.UploadFile{Name: name, Skipped: "it is hidden"})
		case !e.IsDir():
			r.read = append(r.read, authority.UploadFile{Name: name, Skipped: "it is not in a folder called like a trust store"})
		case !slices.Contains(purposeNames(), e.Name()):
			r.read = append(r.read, authority.UploadFile{Name: name, Refused: unknownStore(e.Name())})
		default:
			if err := r.filesOf(name, []store.Purpose{store.Purpose(e.Name())}); err != nil {
				return err
			}
		}
	}
	return nil
}

// unknownStore says why a folder is refused: what is in it was meant for some store,
// and its name is misspelt.
func unknownStore(name string) string {
	why := "no trust store has that name"
	if advice := cmdline.DidYouMean(name, purposeNames(), ""); advice != "" {
		why += "; " + advice
	}
	return why
}

func (r *uploadReader) filesOf(folder string, purposes []store.Purpose) error {
	entries, err := files.ReadFolder(r.env.door(), folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		why := archive.NotCertificate(name)
		switch {
		case e.IsDir():
			why = "it is a folder in the folder"
		case !authority.IsSidecar(name):
		case r.sidecars:
			why = ""
		default:
			why = "it describes a certificate, which capf cert apply reads"
		}
		f := authority.UploadFile{Name: name, Purposes: purposes, Skipped: why}
		if why == "" {
			f.Data, f.Refused = readInFolder(r.env.door(), name)
		}
		r.read = append(r.read, f)
	}
	return nil
}

// readInFolder reads a file that nobody has named, so that its row says why it cannot
// be read. Only regular files are read: a pipe, to which a link may lead, might never
// end.
func readInFolder(d files.Door, name string) (data []byte, refused string) {
	info, err := d.Stat(name) // opening a pipe would wait
	switch {
	case err != nil:
		return nil, "it cannot be read: " + apperr.WithoutPath(err).Error()
	case !info.Mode().IsRegular():
		return nil, "it is a folder, a pipe or a device, not a file"
	case info.Size() > certificateLimit:
		return nil, fmt.Sprintf("it has more than %d bytes", int64(certificateLimit))
	}
	f, err := d.Open(name)
	if err == nil {
		defer f.Close()
		data, err = io.ReadAll(io.LimitReader(f, certificateLimit))
	}
	if err != nil {
		return nil, "it cannot be read: " + apperr.WithoutPath(err).Error()
	}
	return data, ""
}
