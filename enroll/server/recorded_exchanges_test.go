package server_test

import (
	"bytes"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/wire"
	"capf/store"
)

// recordings are the exchanges that package wire keeps.
const recordings = "../wire/testdata/vectors"

// TestRecorded plays the phone's part of each recorded exchange and holds what
// the server says against the recorded server, byte for byte but for the
// session id and the certificate that is new in each.
func TestRecorded(t *testing.T) {
	t.Parallel()
	// The certificates in the recordings are valid from November 2026.
	c := &clock{shift: time.Until(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))}
	h := &house{TB: t, base: newBase(t, c), clock: c}
	h.start()
	data, err := os.ReadFile("../../crypto/testdata/capf-issuer.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	issuer := authority.UploadFile{Data: block.Bytes, Purposes: []store.Purpose{store.CAPFTrust}}
	if _, err := h.trustStores().Upload(t.Context(), operator, []authority.UploadFile{issuer}, authority.UploadOptions{ForeignCAPF: true}); err != nil {
		t.Fatal(err)
	}
	byString := func(e *devices.Edit) { mode(store.ByString)(e); withString("123456")(e) }
	byLSC := mode(store.ByLSCPrecedence)
	none := func(*devices.Edit) {}
	for _, test := range []struct {
		file, device string
		operation    store.Operation // empty for a device that there is not
		edit         func(*devices.Edit)
	}{
		{"delete", sep, store.Delete, none},
		{"install-ec384-by-null-string", sep, store.Install, ecKey},
		{"install-rsa2048-by-authentication-string", sep, store.Install, byString},
		{"install-rsa2048-by-existing-certificate-ec-lsc-rsa-sudi", sep, store.Install, byLSC},
		{"install-rsa2048-by-existing-certificate-rsa-lsc", sep, store.Install, byLSC},
		{"install-version2-softphone", "CSF123", store.Install, none},
		{"no-operation-reason-0", sep, store.NoOperation, none},
		{"troubleshoot-fetch", sep, store.Troubleshoot, none},
		{"unknown-device", "SEPFFFFFFFFFFFF", "", none},
		{"wrong-authentication-string", sep, store.Install, byString},
	} {
		t.Run(test.file, func(t *testing.T) {
			h := &house{TB: t, base: h.base, address: h.address, clock: h.clock}
			if test.operation != "" {
				h.add(test.device, test.operation, test.edit)
				defer h.base.Store.DeleteDevice(t.Context(), operator, test.device)
			}
			h.play(test.file)
		})
	}
}

// play is one recorded exchange.
func (h *house) play(file string) {
	h.Helper()
	text, err := os.ReadFile(filepath.Join(recordings, file+".txt"))
	if err != nil {
		h.Fatal(err)
	}
	conn := h.connect()
	for line := range strings.Lines(string(text)) {
		who, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		b, err := hex.DecodeString(strings.TrimSpace(digits))
		if err != nil {
			h.Fatal(err)
		}
		f, err := wire.Parse(b)
		if err != nil {
			h.Fatal(err)
		}
		if who == "phone" {
			f.Session = conn.id
			conn.write(without(f, wire.TagSUDIData)) // whose signature is bound to the recorded id
			continue
		}
		got := conn.read()
		if conn.id == 0 {
			conn.id = got.Session
		}
		if got.Command == wire.CmdFetchCertificateRequest && f.Command == wire.CmdEndSession {
			// We ask for the MIC too; the recorded server did not.
			conn.write(wire.FetchResponse{Reason: wire.ReasonDeclined}.Frame(conn.id))
			got = conn.read()
		}
		f.Session = conn.id
		if strings.Contains(file, "softphone") {
			// The recorded server knew that it was one, and sent no AUTH_TYPE.
			got = without(got, wire.TagAuthType)
		}
		sameBytes(h, withoutDER(got), withoutDER(f))
	}
}

func without(f wire.Frame, tag wire.Tag) wire.Frame {
	f.Elements = slices.DeleteFunc(slices.Clone(f.Elements), func(e wire.Element) bool { return e.Tag == tag })
	return f
}

// withoutDER leaves of a certificate what is the same in each exchange.
func withoutDER(f wire.Frame) wire.Frame {
	f.Elements = slices.Clone(f.Elements)
	for i, e := range f.Elements {
		if c, err := wire.ParseCertificate(e.Value); e.Tag == wire.TagCertificate && err == nil {
			f.Elements[i].Value = wire.Certificate{Type: c.Type, DER: []byte("DER")}.Value()
		}
	}
	return f
}

func sameBytes(t testing.TB, got, want wire.Frame) {
	t.Helper()
	g, err := got.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	w, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, w) {
		t.Fatalf("the server sent %v\n%x, the recorded one %v\n%x", got.Command, g, want.Command, w)
	}
}
