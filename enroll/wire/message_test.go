package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"
)

// TestMessagesRoundTrip covers the forms that no vector has.
func TestMessagesRoundTrip(t *testing.T) {
	t.Parallel()
	cert := &Certificate{TypeMIC, []byte("der")}
	messages := map[Command][]message{
		CmdAuthRequest: {AuthRequest{Version: 2}, AuthRequest{3, AuthMIC, true}},
		CmdAuthResponse: {
			AuthResponse{Version: 3, Device: "ATA001122334455", Reason: ReasonSuccess},
			AuthResponse{Version: 3, Device: "SEP001122334455", Reason: ReasonSuccess, Password: []byte("1234"), AuthType: AuthString, HasAuthType: true},
			AuthResponse{Version: 2, Device: "CSFalice", Reason: ReasonSuccess, Password: []byte{}, Certificate: cert, SignedData: []byte("s")},
			AuthResponse{Version: 3, Device: "a", Reason: ReasonDeclined, SHA2: &SHA2Signature{SHA256, []byte("sig")}},
		},
		CmdKeyGenerateRequest: {
			KeyGenerateRequest{Size: 512, SizeOnly: true},
			KeyGenerateRequest{Size: 4096},
			KeyGenerateRequest{Type: EC, Curve: P521},
			KeyGenerateRequest{Type: EC, Curve: 9},
		},
		CmdKeyGenerateResponse: {
			KeyGenerateResponse{Reason: ReasonDeclined, HasReason: true},
			KeyGenerateResponse{PublicKey: []byte("key"), Reason: ReasonSuccess, HasReason: true},
		},
		CmdEncryptRequest:            {EncryptRequest{SHA256, []byte("digest")}},
		CmdEncryptResponse:           {EncryptResponse{ReasonSuccess, []byte("sig")}, EncryptResponse{Reason: ReasonDeclined}},
		CmdFetchCertificateRequest:   {FetchRequest{}, FetchRequest{TypeMIC}},
		CmdFetchCertificateResponse:  {FetchResponse{Reason: ReasonDeclined}, FetchResponse{ReasonSuccess, cert}},
		CmdStoreCertificateRequest:   {StoreRequest{TypeLSC, *cert}},
		CmdStoreCertificateResponse:  {StoreResponse{ReasonDeclined}},
		CmdDeleteCertificateRequest:  {DeleteRequest{}},
		CmdDeleteCertificateResponse: {DeleteResponse{200}},
		CmdEndSession:                {EndSession{ReasonUnknownDevice}},
		CmdRetryLater:                {RetryLater{90 * time.Second}, RetryLater{}},
		CmdRequestInProgress:         {RequestInProgress{}, RequestInProgress{30 * time.Second, true}},
		CmdAbortRequest:              {AbortRequest{}},
		CmdAbortResponse:             {AbortResponse{ReasonSuccess}},
	}
	for cmd, parse := range parsers() {
		if messages[cmd] == nil {
			t.Errorf("no message for %v", cmd)
		}
		for _, m := range messages[cmd] {
			b, err := m.Frame(0xfffefdfc).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			f, err := Parse(b)
			if err != nil {
				t.Errorf("%#v: %v", m, err)
				continue
			}
			if f.Command != cmd || f.Session != 0xfffefdfc {
				t.Errorf("%#v is %v in session %x", m, f.Command, f.Session)
			}
			got, err := parse(f)
			if err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("%#v comes back as %#v, %v", m, got, err)
			}
		}
	}
}

func TestMalformedMessages(t *testing.T) {
	t.Parallel()
	const name = "0d 0002 4100"
	tests := []struct {
		cmd        Command
		body, want string
	}{
		{CmdAuthRequest, "", "AUTH_REQUEST without VERSION"},
		{CmdAuthResponse, "01 0001 01" + name, "AUTH_RESPONSE without VERSION"},
		{CmdAuthResponse, "01 0001 01 07 0001 03", "AUTH_RESPONSE without DEVICE_NAME"},
		{CmdAuthResponse, "07 0001 03" + name, "AUTH_RESPONSE without REASON"},
		{CmdKeyGenerateRequest, "", "KEY_GENERATE_REQUEST for RSA needs one size or curve, its own"},
		{CmdKeyGenerateRequest, "11 0001 00", "KEY_GENERATE_REQUEST for RSA needs one size or curve, its own"},
		{CmdKeyGenerateRequest, "11 0001 00 12 0001 00", "KEY_GENERATE_REQUEST for RSA needs one size or curve, its own"},
		{CmdKeyGenerateRequest, "12 0001 00", "KEY_GENERATE_REQUEST for RSA needs one size or curve, its own"},
		{CmdKeyGenerateRequest, "11 0001 00 0a 0002 0800 12 0001 00", "KEY_GENERATE_REQUEST for RSA needs one size or curve, its own"},
		{CmdKeyGenerateRequest, "11 0001 01", "KEY_GENERATE_REQUEST for EC needs one size or curve, its own"},
		{CmdKeyGenerateRequest, "11 0001 01 0a 0002 0100", "KEY_GENERATE_REQUEST for EC needs one size or curve, its own"},
		{CmdKeyGenerateRequest, "11 0001 01 12 0001 00 0a 0002 0100", "KEY_GENERATE_REQUEST for EC needs one size or curve, its own"},
		{CmdKeyGenerateRequest, "11 0001 02 12 0001 00", "key type 2 is not known"},
		{CmdKeyGenerateResponse, "", "KEY_GENERATE_RESPONSE without PUBLIC_KEY"},
		{CmdKeyGenerateResponse, "01 0001 01", "KEY_GENERATE_RESPONSE without PUBLIC_KEY"},
		{CmdEncryptRequest, "06 0001 aa", "ENCRYPT_REQUEST without DIGEST_TYPE"},
		{CmdEncryptRequest, "13 0001 02", "ENCRYPT_REQUEST without SIGNED_DATA"},
		{CmdEncryptResponse, "06 0001 aa", "ENCRYPT_RESPONSE without REASON"},
		{CmdEncryptResponse, "01 0001 01", "ENCRYPT_RESPONSE without SIGNED_DATA"},
		{CmdStoreCertificateRequest, "04 0006 010003000130", "STORE_CERTIFICATE_REQUEST without CERTIFICATE_TYPE"},
		{CmdStoreCertificateRequest, "03 0001 01", "STORE_CERTIFICATE_REQUEST without CERTIFICATE"},
		{CmdStoreCertificateResponse, "", "STORE_CERTIFICATE_RESPONSE without REASON"},
		{CmdFetchCertificateResponse, "04 0006 010003000130", "FETCH_CERTIFICATE_RESPONSE without REASON"},
		{CmdDeleteCertificateResponse, "", "DELETE_CERTIFICATE_RESPONSE without REASON"},
		{CmdEndSession, "", "END_SESSION without REASON"},
		{CmdRetryLater, "", "RETRY_LATER without RETRY_DELAY"},
		{CmdAbortResponse, "", "ABORT_RESPONSE without REASON"},
	}
	parse := parsers()
	for _, tt := range tests {
		f, err := Parse(frame(t, tt.cmd, tt.body))
		if err != nil {
			t.Fatalf("%v %q: %v", tt.cmd, tt.body, err)
		}
		_, err = parse[tt.cmd](f)
		if !errors.Is(err, ErrMalformed) || err.Error() != "malformed frame: "+tt.want {
			t.Errorf("%v %q: error %v, want %q", tt.cmd, tt.body, err, tt.want)
		}
	}
	for cmd, parse := range parsers() {
		_, err := parse(Frame{Command: 77})
		if want := "malformed frame: COMMAND_77 where " + cmd.String() + " belongs"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestForeignElements: what belongs to other messages, or to none, is skipped.
func TestForeignElements(t *testing.T) {
	t.Parallel()
	parse := parsers()
	for _, tt := range []struct {
		cmd           Command
		body, foreign string
	}{
		{CmdAuthRequest, "07 0001 03", "01 0001 01"},
		{CmdAuthResponse, "01 0001 01 07 0001 03 0d 0002 4100", "09 0001 30 0c 0004 00000000"},
		{CmdKeyGenerateRequest, "0a 0002 0800", "07 0001 03"},
		{CmdKeyGenerateResponse, "09 0001 30", "0d 0002 4100"},
		{CmdEncryptResponse, "01 0001 01 06 0001 aa", "13 0001 02"},
		{CmdFetchCertificateRequest, "", "01 0001 01"},
		{CmdFetchCertificateResponse, "01 0001 07", "03 0001 01"},
		{CmdStoreCertificateResponse, "01 0001 01", "03 0001 01 02 0002 6f6b"},
		{CmdDeleteCertificateRequest, "", "03 0001 01"},
		{CmdDeleteCertificateResponse, "01 0001 01", "05 0001 00 63 0001 00"},
		{CmdRequestInProgress, "", "01 0001 01"},
		{CmdAbortRequest, "", "07 0001 03 01 0001 00"},
	} {
		read := func(body string) message {
			f, err := Parse(frame(t, tt.cmd, body))
			if err != nil {
				t.Fatalf("%v %q: %v", tt.cmd, body, err)
			}
			m, err := parse[tt.cmd](f)
			if err != nil {
				t.Errorf("%v %q: %v", tt.cmd, body, err)
			}
			return m
		}
		if with, without := read(tt.body+tt.foreign), read(tt.body); !reflect.DeepEqual(with, without) {
			t.Errorf("%v with %s is read as %#v, without as %#v", tt.cmd, tt.foreign, with, without)
		}
	}
}

// TestHandMadeFrame gives the typed readers values that Parse would refuse.
// What REASON_INFO and CERTIFICATE_ID may hold is not known.
func TestHandMadeFrame(t *testing.T) {
	t.Parallel()
	for cmd, parse := range parsers() {
		for tag := range Tag(21) {
			if _, err := parse(Frame{Command: cmd, Elements: []Element{{tag, nil}}}); err == nil && tag.known() && tag != TagReasonInfo && tag != TagCertificateID {
				t.Errorf("%v accepts %v without a value", cmd, tag)
			}
		}
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body string
		want []byte
	}{
		{"", nil},
		{"0b 0001 00", []byte{}},
		{"0b 0003 393900", []byte("99")},
	} {
		f, err := Parse(frame(t, CmdAuthResponse, "01 0001 01 07 0001 03 0d 0002 4100"+tt.body))
		if err != nil {
			t.Fatal(err)
		}
		m, err := ParseAuthResponse(f)
		if err != nil || !bytes.Equal(m.Password, tt.want) || (m.Password == nil) != (tt.want == nil) {
			t.Errorf("%q: password %#v, %v, want %#v", tt.body, m.Password, err, tt.want)
		}
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	for delay, want := range map[time.Duration]time.Duration{
		-time.Second:               0,
		time.Millisecond:           time.Second,
		1500 * time.Millisecond:    2 * time.Second,
		200 * 365 * 24 * time.Hour: (1<<32 - 1) * time.Second,
	} {
		m, err := ParseRetryLater(RetryLater{delay}.Frame(1))
		if err != nil || m.Delay != want {
			t.Errorf("%v: %v, %v, want %v", delay, m.Delay, err, want)
		}
	}
}

// TestSUDISignatures: one signature is enough, whichever it is.
func TestSUDISignatures(t *testing.T) {
	t.Parallel()
	for _, want := range []SUDI{
		{Certificate: []byte("c"), SHA1: []byte("a")},
		{Certificate: []byte("c"), SHA512: []byte("b")},
	} {
		got, err := ParseSUDI(want.Value())
		if err != nil || !bytes.Equal(got.SHA1, want.SHA1) || !bytes.Equal(got.SHA512, want.SHA512) {
			t.Errorf("%+v is read as %+v, %v", want, got, err)
		}
	}
}

func TestSUDIOrder(t *testing.T) {
	t.Parallel()
	value := []byte{3, 0, 1, 'b', 0, 0, 1, 'c', 1, 0, 1, 'a'}
	s, err := ParseSUDI(value)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.Value(), value) {
		t.Errorf("comes back as %x", s.Value())
	}
	built := SUDI{Certificate: []byte("c"), SHA512: []byte("b")}
	if got, want := built.Value(), []byte{0, 0, 1, 'c', 3, 0, 1, 'b'}; !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}
