package enroll

import (
	"bufio"
	"io"
	"path/filepath"
	"strings"

	"capf/crypto/certfile"
	"capf/internal/apperr"
)

// entry is something in a source that may hold certificates: a binary file, or
// one PEM block of a text. Its name is only ever shown.
type entry struct {
	name    string
	block   int    // which PEM block of the file, from 1; 0 for a file that is none
	data    []byte // valid until the next entry
	problem string // why it is no certificate; there is no data then
	foreign string // why it was left alone; there is no data then
	request bool   // it is foreign because it is what a CA was to sign
}

// The names that tell in an archive or a folder what is worth reading. A file
// that an operator names by itself is read whatever its name is.
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
	isKey     = "it is a private key, which has no business here"
	isStore   = "it is a PKCS#12 store, which may hold a private key: take the certificates out of it: openssl pkcs12 -in FILE -nokeys -out certificates.pem"
	isArchive = "it is an archive inside another one: import it by itself"
)

// byName judges a file by its name alone; one that is worth reading has neither
// problem nor foreign set.
func byName(name string) entry {
	e := entry{name: name}
	base := filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	extension := " " + strings.ToLower(filepath.Ext(base)) + " "
	switch {
	case strings.HasPrefix(base, "."): // what editors and macOS leave behind
		e.foreign = "it is a hidden file"
	case strings.Contains(certificateNames, extension):
	case strings.Contains(requestNames, extension):
		e.foreign, e.request = isRequest, true
	case strings.Contains(publicNames, extension):
		e.foreign, e.request = isPublic, true
	case strings.Contains(keyNames, extension):
		e.foreign = isKey
	case strings.Contains(storeNames, extension):
		e.foreign = isStore
	case strings.Contains(archiveNames, extension):
		e.problem = isArchive
	default:
		e.foreign = "its name is not that of a certificate"
	}
	return e
}

// counter bounds what all sources of an import hold together.
type counter struct {
	limits
	entries int
	bytes   int64
	buffer  *bufio.Reader // for one file after the other
}

func newCounter(l limits) *counter {
	return &counter{limits: l, buffer: bufio.NewReaderSize(nil, 16<<10)}
}

// one counts an entry.
func (c *counter) one() error {
	if c.entries++; c.entries > c.limits.entries {
		return apperr.Refused("there are more than %d files in it", c.limits.entries)
	}
	return nil
}

// read counts bytes of content.
func (c *counter) read(n int) error {
	if c.bytes += int64(n); c.bytes > c.total {
		return c.errTooMuch()
	}
	return nil
}

// content yields what stands in a file: a binary one as it is, of a text each
// PEM block by itself.
func (c *counter) content(name string, r io.Reader, yield func(entry) error) error {
	c.buffer.Reset(r)
	if head, _ := c.buffer.Peek(2); isGzip(head) || string(head) == "PK" {
		return c.give(entry{name: name, problem: isArchive}, yield)
	}
	return certfile.Split(counted{c}, c.file, func(p certfile.Piece) error {
		e := entry{name: name, block: p.Block, data: p.Data}
		if p.Err != nil {
			e.problem = p.Err.Error()
		}
		return c.give(e, yield)
	})
}

// counted counts the bytes of a file while they are read.
type counted struct{ *counter }

func (c counted) Read(p []byte) (int, error) {
	n, err := c.buffer.Read(p)
	if over := c.read(n); over != nil {
		return n, over
	}
	return n, err
}

func (c *counter) give(e entry, yield func(entry) error) error {
	if err := c.one(); err != nil {
		return err
	}
	return yield(e)
}
