package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// frame puts a header before body.
func frame(t *testing.T, cmd Command, bodyHex string) []byte {
	t.Helper()
	body, err := hex.DecodeString(strings.ReplaceAll(bodyHex, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{ProtocolID, byte(cmd), 0, 0, 7, 0xd1, byte(len(body) >> 8), byte(len(body))}, body...)
}

func TestMalformedFrames(t *testing.T) {
	t.Parallel()
	auth := func(body string) []byte { return frame(t, CmdAuthResponse, body) }
	tests := []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"nothing", nil, "0 bytes are too few for a header of 8"},
		{"half a header", []byte{0x55, 1, 0, 0}, "4 bytes are too few for a header of 8"},
		{"foreign protocol", []byte("GET / HTTP/1.1\r\n"), "protocol id 0x47 is not 0x55"},
		{"over the limit", []byte{0x55, 2, 0, 0, 0, 1, 0x40, 0x01}, "body of 16385 bytes is over the limit of 16384"},
		{"short body", []byte{0x55, 2, 0, 0, 0, 1, 0, 4, 1, 0}, "header announces a body of 4 bytes, there are 2"},
		{"long body", append(auth("01 0001 01"), 0), "header announces a body of 4 bytes, there are 5"},
		{"tag alone", auth("07"), "VERSION is cut off"},
		{"half a length", auth("07 00"), "VERSION is cut off"},
		{"half a value", auth("07 0001 03 0d 0010 5345"), "DEVICE_NAME is cut off"},
		{"unknown tag cut off", auth("63 0001"), "TAG_99 is cut off"},
		{"duplicate", auth("01 0001 01 07 0001 03 01 0001 01"), "REASON comes twice"},
		{"unknown duplicate", auth("63 0000 63 0000"), "TAG_99 comes twice"},
		{"reason empty", auth("01 0000"), "REASON of 0 bytes, not 1"},
		{"reason long", auth("01 0002 0001"), "REASON of 2 bytes, not 1"},
		{"version long", auth("07 0002 0003"), "VERSION of 2 bytes, not 1"},
		{"auth type empty", auth("08 0000"), "AUTH_TYPE of 0 bytes, not 1"},
		{"key type long", auth("11 0002 0000"), "KEY_TYPE of 2 bytes, not 1"},
		{"curve empty", auth("12 0000"), "CURVE of 0 bytes, not 1"},
		{"digest type empty", auth("13 0000"), "DIGEST_TYPE of 0 bytes, not 1"},
		{"key size short", auth("0a 0001 08"), "KEY_SIZE of 1 bytes, not 2"},
		{"delay short", auth("0c 0002 0001"), "RETRY_DELAY of 2 bytes, not 4"},
		{"certificate type empty", auth("03 0000"), "CERTIFICATE_TYPE of 0 bytes, not 1"},
		{"certificate type unknown", auth("03 0001 03"), "certificate type 3 is not known"},
		{"public key empty", auth("09 0000"), "PUBLIC_KEY is empty"},
		{"signature empty", auth("06 0000"), "SIGNED_DATA is empty"},
		{"password empty", auth("0b 0000"), "PASSWORD without its NUL"},
		{"password without NUL", auth("0b 0004 31323334"), "PASSWORD without its NUL"},
		{"password with two NULs", auth("0b 0004 31320000"), "PASSWORD with a NUL inside"},
		{"name empty", auth("0d 0000"), "DEVICE_NAME without its NUL"},
		{"name of a NUL", auth("0d 0001 00"), "DEVICE_NAME is empty"},
		{"name without NUL", auth("0d 0003 534550"), "DEVICE_NAME without its NUL"},
		{"name with a NUL inside", auth("0d 0004 53004500"), "DEVICE_NAME with a NUL inside"},
		{"name with a line feed", auth("0d 0004 530a4500"), `DEVICE_NAME "S\nE" with a character that cannot be printed`},
		{"name with DEL", auth("0d 0002 7f00"), `DEVICE_NAME "\x7f" with a character that cannot be printed`},
		{"name not ASCII", auth("0d 0003 c28500"), `DEVICE_NAME "\u0085" with a character that cannot be printed`},
		{"name too long", auth("0d 0082" + strings.Repeat("41", 129) + "00"), "DEVICE_NAME of 129 characters, more than 128"},
		{"certificate cut off", auth("04 0004 01000200"), "CERTIFICATE of 4 bytes is cut off"},
		{"certificate begins wrong", auth("04 0006 020003000130"), "CERTIFICATE begins with 02 and has 00 before its type, not 01 and 00"},
		{"certificate filler wrong", auth("04 0006 010003010130"), "CERTIFICATE begins with 01 and has 01 before its type, not 01 and 00"},
		{"certificate type in it unknown", auth("04 0006 010003000030"), "certificate type 0 is not known"},
		{"certificate too long", auth("04 0006 010004000130"), "CERTIFICATE announces 4 bytes, there are 3"},
		{"certificate too short", auth("04 0007 01000300013030"), "CERTIFICATE announces 3 bytes, there are 4"},
		{"certificate empty", auth("04 0005 0100020001"), "CERTIFICATE is empty"},
		{"SHA-2 empty", auth("14 0000"), "SHA2_SIGNED_DATA is empty"},
		{"SHA-2 cut off", auth("14 0003 030001"), "SHA2_SIGNED_DATA is cut off"},
		{"SHA-2 too long", auth("14 0005 030001aabb"), "SHA2_SIGNED_DATA with 1 bytes after the signature"},
		{"SHA-2 without signature", auth("14 0003 030000"), "SHA2_SIGNED_DATA without a signature"},
		{"SUDI empty", auth("10 0000"), "SUDI_DATA without a certificate"},
		{"SUDI cut off", auth("10 0004 00000230"), "SUDI_DATA is cut off in block 0"},
		{"SUDI without certificate", auth("10 0004 010001aa"), "SUDI_DATA without a certificate"},
		{"SUDI without signature", auth("10 0004 00000130"), "SUDI_DATA without a signature"},
		{"SUDI block unknown", auth("10 0004 020001aa"), "SUDI_DATA with a block of type 2"},
		{"SUDI block twice", auth("10 0008 00000130 00000130"), "SUDI_DATA with two blocks of type 0"},
		{"SUDI block empty", auth("10 0007 00000130 010000"), "SUDI_DATA with an empty block of type 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.bytes)
			if !errors.Is(err, ErrMalformed) || err.Error() != "malformed frame: "+tt.want {
				t.Errorf("error %q, want %q", err, "malformed frame: "+tt.want)
			}
		})
	}
}

// TestDeviceNames are the longest name, and the first and the last character that
// can be printed.
func TestDeviceNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("A", 128), " ~"} {
		f := frame(t, CmdAuthResponse, fmt.Sprintf("01 0001 01 07 0001 03 0d %04x %x 00", len(name)+1, name))
		parsed, err := Parse(f)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if m, err := ParseAuthResponse(parsed); err != nil || m.Device != name {
			t.Errorf("%q is read as %q, %v", name, m.Device, err)
		}
	}
}

func TestUnknownElements(t *testing.T) {
	t.Parallel()
	b := frame(t, CmdEndSession, "0e 0000 01 0001 01 63 0002 beef 02 0002 6f6b")
	f, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Unknown(), []Tag{14, 99}; !reflect.DeepEqual(got, want) {
		t.Errorf("unknown %v, want %v", got, want)
	}
	if again, err := f.Marshal(); err != nil || !bytes.Equal(again, b) {
		t.Errorf("marshals to %x, %v", again, err)
	}
	if m, err := ParseEndSession(f); err != nil || m.Reason != ReasonSuccess {
		t.Errorf("END_SESSION %v, %v", m, err)
	}
}

func TestMarshalLimit(t *testing.T) {
	t.Parallel()
	f := Frame{CmdAuthResponse, 1, []Element{{TagCertificateID, make([]byte, MaxBody-3)}}}
	b, err := f.Marshal()
	if err != nil || len(b) != HeaderSize+MaxBody {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if again, err := Parse(b); err != nil || !reflect.DeepEqual(again, f) {
		t.Errorf("the longest frame is not read back: %v", err)
	}
	f.Elements[0].Value = make([]byte, MaxBody-2)
	_, err = f.Marshal()
	if want := "marshalling AUTH_RESPONSE: body of 16385 bytes is over the limit of 16384"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	whole := frame(t, CmdEndSession, "01 0001 01")
	broken := errors.New("broken pipe")
	tests := []struct {
		name string
		r    io.Reader
		is   error
		want string
	}{
		{"nothing", bytes.NewReader(nil), io.EOF, "EOF"},
		{"half a header", bytes.NewReader(whole[:7]), io.ErrUnexpectedEOF, "reading frame header: unexpected EOF"},
		{"no body", bytes.NewReader(whole[:8]), io.ErrUnexpectedEOF, "reading body of END_SESSION: unexpected EOF"},
		{"half a body", bytes.NewReader(whole[:11]), io.ErrUnexpectedEOF, "reading body of END_SESSION: unexpected EOF"},
		{"body broken", io.MultiReader(bytes.NewReader(whole[:8]), iotest.ErrReader(broken)), broken, "reading body of END_SESSION: broken pipe"},
		{"broken", iotest.ErrReader(broken), broken, "reading frame header: broken pipe"},
		{"foreign", strings.NewReader("GET / HTTP/1.1\r\n"), ErrMalformed, "malformed frame: protocol id 0x47 is not 0x55"},
	}
	for _, tt := range tests {
		_, err := Read(tt.r)
		if !errors.Is(err, tt.is) || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	r := iotest.OneByteReader(bytes.NewReader(append(bytes.Clone(whole), whole...)))
	for range 2 {
		if f, err := Read(r); err != nil || f.Command != CmdEndSession {
			t.Errorf("%v, %v", f, err)
		}
	}
	if _, err := Read(r); err != io.EOF {
		t.Errorf("after the last frame: %v, want EOF", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for c := CmdAuthRequest; c <= CmdSignCertificateResponse; c++ {
		if strings.HasPrefix(c.String(), "COMMAND_") {
			t.Errorf("command %d has no name", c)
		}
	}
	for tag := range Tag(255) {
		if named := !strings.HasPrefix(tag.String(), "TAG_"); named != tag.known() {
			t.Errorf("%v: named %t, known %t", tag, named, tag.known())
		}
	}
	for got, want := range map[string]string{
		Command(77).String():         "COMMAND_77",
		CmdAbortResponse.String():    "ABORT_RESPONSE",
		Tag(14).String():             "TAG_14",
		ReasonUnknownDevice.String(): "unknown device",
		Reason(3).String():           "reason 3",
		TypeMIC.String():             "MIC",
		CertificateType(9).String():  "certificate type 9",
		EC.String():                  "EC",
		KeyType(9).String():          "key type 9",
		P521.String():                "P-521",
		Curve(9).String():            "curve 9",
		SHA512.String():              "SHA-512",
		DigestType(9).String():       "digest type 9",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
