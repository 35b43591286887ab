package authority

import (
	"path/filepath"
	"strings"

	"capf/internal/document"
)

// IsSidecar reports whether a file in a folder of certificates is by its name the
// description of the certificate beside it.
func IsSidecar(name string) bool {
	extension := strings.ToLower(filepath.Ext(name))
	return !strings.HasPrefix(filepath.Base(name), ".") && (extension == ".yaml" || extension == ".yml")
}

// ReadTrustFolder reads what the files of a folder want to be in the trust stores. A
// sidecar, NAME.yaml or NAME.pem.yaml, says more about the certificates of NAME.pem.
// Files that are skipped want nothing. All that is wrong is in the error, a
// document.Problems.
func ReadTrustFolder(files []UploadFile) ([]Desired, error) {
	var p document.Problems
	sidecars := map[string]UploadFile{}
	for _, f := range files {
		if IsSidecar(f.Name) && f.Skipped == "" {
			sidecars[f.Name] = f
		}
	}
	var all []Desired
	described := map[string]string{} // sidecar → certificate
	for _, f := range files {
		if IsSidecar(f.Name) && f.Skipped == "" {
			continue
		}
		d := Desired{Where: f.Name, Purposes: f.Purposes}
		if sidecar, is := sidecarOf(f.Name, sidecars); is {
			if other, twice := described[sidecar.Name]; twice {
				p.Add(0, "%s: it describes both %q and %q; call it %s.yaml", sidecar.Name, filepath.Base(other), filepath.Base(f.Name), filepath.Base(f.Name))
			}
			described[sidecar.Name] = f.Name
			d.desires = readSidecar(&p, sidecar)
		}
		for _, u := range f.read() {
			if u.problem != "" {
				p.Add(0, "%s: %s", u.name, u.problem)
			}
			for _, c := range u.certs {
				d.Certificate = c
				all = append(all, d)
			}
		}
	}
	for _, f := range files {
		if _, is := sidecars[f.Name]; is && described[f.Name] == "" {
			p.Add(0, "%s: there is no certificate that it describes", f.Name)
		}
	}
	findTwice(&p, all)
	return all, p.Err()
}

func sidecarOf(name string, sidecars map[string]UploadFile) (UploadFile, bool) {
	for _, base := range []string{name, strings.TrimSuffix(name, filepath.Ext(name))} {
		for _, extension := range []string{".yaml", ".yml"} {
			if f, is := sidecars[base+extension]; is {
				return f, true
			}
		}
	}
	return UploadFile{}, false
}

func readSidecar(p *document.Problems, f UploadFile) desires {
	root, err := document.Read(f.Data)
	var own document.Problems
	if err != nil {
		own.Add(0, "%v", err)
	} else {
		d := readDesires(&own, root.Fields(&own, keyFor, keyDescription, keyAcceptEKU))
		if len(own) == 0 {
			return d
		}
	}
	for _, one := range own {
		p.Add(0, "%s: %s", f.Name, one)
	}
	return desires{}
}
