package archive

import (
	"hash/maphash"
	"path"
	"path/filepath"
	"strings"
)

// The name extensions that decide which files of an archive or a folder are
// read. A file that an operator names directly is read whatever its name.
const (
	certificateNames = " .cer .crt .cert .der .pem .b64 .ca-bundle .p7b .p7c .p7r .p7s .spc "
	requestNames     = " .csr .p10 .req "
	publicNames      = " .pub "
	keyNames         = " .key .p8 .pk8 "
	storeNames       = " .p12 .pfx "
	archiveNames     = " .tgz .gz .tar .zip .7z .bz2 .tbz .tbz2 .xz .txz .rar .cab "
)

const (
	isRequest = "it is a certificate request, which a CA still has to sign"
	isPublic  = "it is a public key, which a CA still has to certify"
	isKey     = "it is a private key, which does not belong here"
	isStore   = "it is a PKCS#12 store, which may hold a private key: take the certificates out of it: openssl pkcs12 -in FILE -nokeys -out certificates.pem"
	isArchive = "it is an archive inside another one: import it by itself"
)

// NotCertificate says why a file cannot be a certificate, going by its name;
// "" when it may be one.
func NotCertificate(name string) string {
	e := byName(name)
	return e.Skipped + e.Problem
}

// byName judges a file by its name alone. One that should be read has neither a
// problem nor a reason to be skipped.
func byName(name string) Entry {
	e := Entry{Name: name}
	base := filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	extension := " " + strings.ToLower(filepath.Ext(base)) + " "
	switch {
	case strings.HasPrefix(base, "."): // left behind by editors and macOS
		e.Skipped = "it is a hidden file"
	case strings.Contains(certificateNames, extension):
	case strings.Contains(requestNames, extension):
		e.Skipped, e.Request = isRequest, true
	case strings.Contains(publicNames, extension):
		e.Skipped, e.Request = isPublic, true
	case strings.Contains(keyNames, extension):
		e.Skipped = isKey
	case strings.Contains(storeNames, extension):
		e.Skipped = isStore
	case strings.Contains(archiveNames, extension):
		e.Problem = isArchive
	default:
		e.Skipped = "its name is not that of a certificate"
	}
	return e
}

// names remembers the file names of an archive, as hashes to save memory.
type names struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newNames() *names { return &names{maphash.MakeSeed(), map[uint64]struct{}{}} }

// check is byName for a file in an archive, whose name may be an attack on whoever
// unpacks it.
func (n *names) check(name string) Entry {
	slashed := strings.ReplaceAll(name, `\`, "/")
	e := byName(name)
	if e.Skipped != "" {
		return e
	}
	if strings.HasPrefix(slashed, "/") || !filepath.IsLocal(filepath.FromSlash(slashed)) {
		e.Problem = "its path leads out of the archive"
		return e
	}
	hash := maphash.String(n.seed, path.Clean(slashed))
	if _, ok := n.seen[hash]; ok {
		e.Problem = "a file of this name is in the archive already"
	}
	n.seen[hash] = struct{}{}
	return e
}
