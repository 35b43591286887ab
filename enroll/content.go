package enroll

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"capf/crypto"
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
	certificateNames = " .cer .crt .der .pem .p7b .p7c .p7s "
	requestNames     = " .csr .p10 .req "
	publicNames      = " .pub "
	archiveNames     = " .tgz .gz .tar .zip .7z .bz2 .xz .rar .cab "
)

const (
	isRequest = "it is a certificate request, which a CA still has to sign"
	isPublic  = "it is a public key, which a CA still has to certify"
	isArchive = "it is an archive inside another one: import it by itself"
	isNothing = "it is neither PEM nor DER"
	isDamaged = "it holds a damaged PEM block"
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
		return refused("there are more than %d files in it", c.limits.entries)
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
// PEM block by itself, so that a file of any length takes little memory.
func (c *counter) content(name string, r io.Reader, yield func(entry) error) error {
	c.buffer.Reset(r)
	head, err := c.buffer.Peek(2)
	switch {
	case len(head) == 0 && err != nil && err != io.EOF:
		return err
	case len(head) == 0:
		return c.give(entry{name: name, problem: "it is empty"}, yield)
	case isGzip(head) || string(head) == "PK":
		return c.give(entry{name: name, problem: isArchive}, yield)
	case head[0] == 0x30 && len(head) == 2 && head[1] >= 0x80: // a SEQUENCE that is longer than a digit and a letter
		return c.binary(name, yield)
	}
	return c.text(name, yield)
}

func (c *counter) give(e entry, yield func(entry) error) error {
	if err := c.one(); err != nil {
		return err
	}
	return yield(e)
}

func (c *counter) binary(name string, yield func(entry) error) error {
	data, err := io.ReadAll(io.LimitReader(c.buffer, c.file+1))
	if err != nil {
		return err
	}
	if err := c.read(len(data)); err != nil {
		return err
	}
	e := entry{name: name, data: data}
	if int64(len(data)) > c.file {
		e.data, e.problem = nil, fmt.Sprintf("it is longer than %d KiB, so it is no certificate", c.file>>10)
	}
	return c.give(e, yield)
}

// text looks for PEM blocks, line by line.
func (c *counter) text(name string, yield func(entry) error) error {
	var block []byte
	blocks, inside := 0, false
	damaged := func() error {
		inside = false
		return c.give(entry{name: name, block: blocks, problem: isDamaged}, yield)
	}
	for {
		line, err := c.buffer.ReadSlice('\n')
		if err := c.read(len(line)); err != nil {
			return err
		}
		begins := bytes.HasPrefix(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")), []byte("-----BEGIN "))
		if inside && (begins || int64(len(block)+len(line)) > c.file) {
			if err := damaged(); err != nil {
				return err
			}
		}
		if begins {
			blocks, inside, block = blocks+1, true, block[:0]
		}
		if inside {
			block = append(block, line...)
		}
		if inside && bytes.HasPrefix(line, []byte("-----END ")) {
			inside = false
			if err := c.give(entry{name: name, block: blocks, data: block}, yield); err != nil {
				return err
			}
		}
		switch {
		case err == nil || errors.Is(err, bufio.ErrBufferFull): // the rest of a long line comes next
		case !errors.Is(err, io.EOF):
			return err
		case inside:
			return damaged()
		case blocks == 0:
			return c.give(entry{name: name, problem: isNothing}, yield)
		default:
			return nil
		}
	}
}

// readCertificates takes what CAs send: one PEM block, or DER with one
// certificate, several, or a PKCS#7 with a chain, which may be BER too.
func readCertificates(data []byte) ([]*x509.Certificate, error) {
	der := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(der, []byte("-----BEGIN ")) {
		block, _ := pem.Decode(der)
		if block == nil {
			return nil, errors.New(isDamaged)
		}
		switch kind := block.Type; {
		case kind == "CERTIFICATE", kind == "X509 CERTIFICATE", kind == "PKCS7", kind == "CMS", kind == "PKCS #7 SIGNED DATA":
		case strings.HasSuffix(kind, "CERTIFICATE REQUEST"):
			return nil, errors.New(isRequest)
		case strings.HasSuffix(kind, "PRIVATE KEY"):
			return nil, errors.New("it is a private key, which has no business here: nothing of it was kept")
		default:
			return nil, fmt.Errorf("it is a PEM block %q, not a certificate", kind)
		}
		der = block.Bytes
	}
	certs, err := x509.ParseCertificates(der)
	if err == nil && len(certs) > 0 {
		return certs, nil
	}
	if certs, isBag, err := readBag(der); isBag {
		return certs, err
	}
	if _, err := x509.ParseCertificateRequest(der); err == nil {
		return nil, errors.New(isRequest)
	}
	if _, err := crypto.ParseCertificates(der); err != nil {
		return nil, err // says what else it is
	}
	return nil, errors.New(isNothing)
}
