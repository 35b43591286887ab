package trustlist

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recorded are the frames of a run against usecallmanager's tvsd: the certificate is
// that of CAPF.
func recordedQuestion(t testing.TB) []byte {
	name := hex.EncodeToString([]byte("CP-8861-SEP001122334455"))
	return append(unhex(t, "5701010001020304 03c8 010018 01"+name+"0203aa"), certificate(t, "capf.crt").Raw...)
}

const (
	recordedValid   = "5701020001020304 0010 07000100 0800020407 09000400000e10"
	recordedInvalid = "5701020001020304 0004 07000101"
)

// TestRecordedTVS writes and reads what the open server was asked and has answered.
func TestRecordedTVS(t *testing.T) {
	t.Parallel()
	want := TVSQuestion{Session: 0x01020304, Device: "CP-8861-SEP001122334455", Certificate: certificate(t, "capf.crt").Raw}
	frame, err := want.Marshal()
	if err != nil || !bytes.Equal(frame, recordedQuestion(t)) {
		t.Errorf("%x, %v", frame, err)
	}
	if q, err := ParseTVSQuestion(recordedQuestion(t)); err != nil || !reflect.DeepEqual(q, want) {
		t.Errorf("%+v, %v", q, err)
	}
	for text, want := range map[string]TVSAnswer{
		recordedValid:   {Session: 0x01020304, Valid: true, Roles: []Role{RoleCAPF, RoleAppServer}, Keep: time.Hour},
		recordedInvalid: {Session: 0x01020304},
	} {
		frame, err := want.Marshal()
		if err != nil || !bytes.Equal(frame, unhex(t, text)) {
			t.Errorf("%x, %v", frame, err)
		}
		if a, err := ParseTVSAnswer(frame); err != nil || !reflect.DeepEqual(a, want) {
			t.Errorf("%+v, %v", a, err)
		}
	}
}

// TestSizesOfTVSQueries: the sizes that the logs of a real server show.
func TestSizesOfTVSQueries(t *testing.T) {
	t.Parallel()
	q := TVSQuestion{Query: true, Device: "CP-7821-SEP001122334455", Subject: strings.Repeat("s", 65), Issuer: strings.Repeat("i", 21), Serial: []byte("123456789012345678\x00")}
	frame, err := q.Marshal()
	if err != nil || len(frame) != TVSHeaderSize+143 {
		t.Errorf("%d bytes, %v", len(frame), err)
	}
	a := TVSAnswer{Query: true, Valid: true, Certificate: make([]byte, 1451), Roles: []Role{RoleSAST, RoleTFTP}, Keep: 86400 * time.Second}
	frame, err = a.Marshal()
	if err != nil || len(frame) != TVSHeaderSize+1470 || !bytes.HasSuffix(frame, unhex(t, "0800020003 09000400015180")) {
		t.Errorf("%d bytes, %v", len(frame), err)
	}
}

// TestTVSFromPhones: real phones send names in other forms, servers fill the reserved
// byte, and elements that are not known are passed over.
func TestTVSFromPhones(t *testing.T) {
	t.Parallel()
	frame := recordedQuestion(t)
	frame[3] = 0xf7
	frame = append(frame, unhex(t, "2a0001ff")...)
	frame[9] += 4
	if q, err := ParseTVSQuestion(frame); err != nil || q.Device != "CP-8861-SEP001122334455" {
		t.Errorf("%+v, %v", q, err)
	}
	for _, name := range []string{"CP-7961G-SEP001122334455", "SEP001122334455", "Tläut " + strings.Repeat("ä", 122)} {
		q := TVSQuestion{Device: name, Certificate: []byte{1}}
		frame, err := q.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseTVSQuestion(frame); err != nil || got.Device != name {
			t.Errorf("%+v, %v", got, err)
		}
	}
	nothing := unhex(t, "5701010000000000 0004 0200013f")
	if q, err := ParseTVSQuestion(nothing); err != nil || q.Device != "" {
		t.Errorf("without a device: %+v, %v", q, err)
	}
}

// TestMeans: a certificate is meant to the byte, or by issuer and serial number, in each
// form of the two, and only where a query asks.
func TestMeans(t *testing.T) {
	t.Parallel()
	capf, tvs := certificate(t, "capf.crt"), certificate(t, "tvs.crt")
	serial := capf.SerialNumber.Bytes()
	digits := []byte(hex.EncodeToString(serial))
	semicolons := strings.ReplaceAll(Name(capf.RawIssuer), ",", ";")
	for i, c := range []struct {
		q    TVSQuestion
		cert *x509.Certificate
		want bool
	}{
		{TVSQuestion{Certificate: capf.Raw}, capf, true},
		{TVSQuestion{Certificate: capf.Raw}, tvs, false},
		{TVSQuestion{Certificate: capf.Raw[:len(capf.Raw)-1]}, capf, false},
		{TVSQuestion{Query: true, Certificate: capf.Raw}, capf, true},
		{TVSQuestion{Query: true, Issuer: Name(capf.RawIssuer), Serial: serial}, capf, true},
		{TVSQuestion{Query: true, Issuer: semicolons, Serial: append([]byte{0}, serial...)}, capf, true},
		{TVSQuestion{Query: true, Issuer: semicolons, Serial: append(bytes.ToUpper(digits), 0)}, capf, true},
		{TVSQuestion{Query: true, Issuer: semicolons, Serial: bytes.TrimLeft(digits, "0")}, capf, true},
		{TVSQuestion{Query: true, Issuer: "CN=other", Serial: serial}, capf, false},
		{TVSQuestion{Query: true, Issuer: semicolons, Serial: serial[1:]}, capf, false},
		{TVSQuestion{Query: true, Issuer: semicolons}, capf, false},
		{TVSQuestion{Issuer: semicolons, Serial: serial}, capf, false}, // whoever made it chose these
	} {
		if got := c.q.Means(c.cert); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

// TestMalformedTVS: each kind of wrong frame is refused with its reason.
func TestMalformedTVS(t *testing.T) {
	t.Parallel()
	long := append(unhex(t, "5701010000000000 ffff"), make([]byte, 0xffff)...)
	for text, want := range map[string]string{
		"":                                       "0 bytes are too few",
		"570101000000000000":                     "9 bytes are too few",
		"5801010000000000 0000":                  "begins with 5801 instead of 5701",
		"5701010000000000 0001":                  "its elements have 0 bytes, and its header says 1",
		"5701010000000000 0000 00":               "its elements have 1 bytes, and its header says 0",
		"5701010000000000 0000":                  "it has no CERTIFICATE to verify",
		"5701030000000000 0000":                  "neither CERTIFICATE nor ISSUERNAME with SERIALNUMBER",
		"5701010000000000 0003 020000":           "it has no CERTIFICATE to verify",
		"5701010000000000 0002 0200":             "CERTIFICATE at byte 10 is cut",
		"5701010000000000 0003 020001":           "CERTIFICATE at byte 10 has 1 bytes, but the frame ends after 0 of them",
		"5701010000000000 0004 02ffff00":         "has 65535 bytes, but the frame ends after 1",
		"5701010000000000 0008 0200010002000100": "CERTIFICATE at byte 14 stands there twice",
		"5701010000000000 0003 010000":           "DEVICE is empty",
		"5701010000000000 0005 01000201ff":       "DEVICE is no name",
		"5701010000000000 0007 01000401410042":   "DEVICE is no name",
		"5701030000000000 0004 03000141":         "SUBJECTNAME does not end in one NUL",
		"5701030000000000 0004 04000141":         "ISSUERNAME does not end in one NUL",
		"5701030000000000 0006 040003410000":     "ISSUERNAME does not end in one NUL",
		"5701030000000000 0008 0400024100050000": "SERIALNUMBER is empty",
		"5701030000000000 0005 0400024100":       "neither CERTIFICATE nor ISSUERNAME with SERIALNUMBER",
		"5701020000000000 0004 07000100":         "an answer, and no question",
		"5701040000000000 0004 07000100":         "an answer, and no question",
		"5701050000000000 0000":                  "command 5 is not known",
		"5701000000000000 0000":                  "command 0 is not known",
		string(long):                             "its elements have 65535 bytes, more than the 16384",
	} {
		frame := []byte(text)
		if text != string(long) {
			frame = unhex(t, text)
		}
		if _, err := ParseTVSQuestion(frame); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, and not %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"5701020000000000 0000":                  "it has no STATUS",
		"5701020000000000 0003 070000":           "STATUS has 0 bytes instead of 1",
		"5701020000000000 0004 07000102":         "STATUS is 2",
		"5701020000000000 0007 07000100 090000":  "TIME has 0 bytes instead of 4",
		"5701020000000000 0008 0700010007000100": "STATUS at byte 14 stands there twice",
		"5701010000000000 0004 07000100":         "a question, and no answer",
		"5701090000000000 0004 07000100":         "command 9 is not known",
		"5701020000000000 0005 0700010008":       "ROLES at byte 14 is cut",
	} {
		if _, err := ParseTVSAnswer(unhex(t, text)); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, and not %q", text, err, want)
		}
	}
	for _, q := range []TVSQuestion{{}, {Query: true}, {Query: true, Issuer: "CN=a"}, {Certificate: make([]byte, MaxTVSBody)},
		{Certificate: []byte{1}, Device: "a\x00b"}, {Query: true, Issuer: "a\x00", Serial: []byte{1}}} {
		if _, err := q.Marshal(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.100v: %v", q, err)
		}
	}
	for _, a := range []TVSAnswer{{Valid: true, Roles: []Role{256}}, {Valid: true, Keep: -1e9}, {Valid: true, Keep: 1 << 33 * time.Second}, {Valid: true, Certificate: make([]byte, MaxTVSBody)}} {
		if _, err := a.Marshal(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.100v: %v", a, err)
		}
	}
}

// TestReadTVSFrame reads frames from a stream, in whatever pieces they come.
func TestReadTVSFrame(t *testing.T) {
	t.Parallel()
	one := recordedQuestion(t)
	stream := iotest.OneByteReader(bytes.NewReader(append(bytes.Clone(one), unhex(t, recordedInvalid)...)))
	for _, want := range [][]byte{one, unhex(t, recordedInvalid)} {
		if got, err := ReadTVSFrame(stream); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%x, %v", got, err)
		}
	}
	if _, err := ReadTVSFrame(stream); err != io.EOF {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"57":                         "it ends after 1 of 10 bytes of its header",
		"5701010001020304 03c8":      "it ends after 0 of 968 bytes of its elements",
		"5701010001020304 03c8 0100": "it ends after 2 of 968 bytes of its elements",
		"4745540000000000 ffff":      "it begins with 4745",
		"5701010000000000 4001":      "its elements have 16385 bytes",
	} {
		if _, err := ReadTVSFrame(bytes.NewReader(unhex(t, text))); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMay(t *testing.T) {
	t.Parallel()
	a := TVSAnswer{Valid: true, Roles: []Role{RoleCCMTFTP, RoleCAPF}}
	if !a.May(RoleTFTP) || !a.May(RoleCAPF) || a.May(RoleSAST) || a.May(RoleTVS) {
		t.Error("it may be used in other roles than those")
	}
	a.Valid = false
	if a.May(RoleCAPF) {
		t.Error("an invalid one may be used")
	}
}

// FuzzTVS: what is read is written again so that it reads the same.
func FuzzTVS(f *testing.F) {
	f.Add(recordedQuestion(f))
	for _, text := range []string{recordedValid, recordedInvalid, "570103f701020304 0010 0400054e3d6100 0005000500112233440000", "5701040001020304 0019 07000100 0200053003020101 0800020003 09000400015180"} {
		f.Add(unhex(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := ReadTVSFrame(bytes.NewReader(b)); err != nil && err != io.EOF && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		q, qErr := ParseTVSQuestion(b)
		a, aErr := ParseTVSAnswer(b)
		for _, err := range []error{qErr, aErr} {
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
		}
		if qErr == nil && aErr == nil {
			t.Fatal("a question is an answer")
		}
		if qErr == nil {
			frame, err := q.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseTVSQuestion(frame)
			if err != nil || !reflect.DeepEqual(again.withoutEmpty(), q.withoutEmpty()) {
				t.Fatalf("%+v was written and read again as %+v, %v", q, again, err)
			}
		}
		if aErr == nil && a.Valid {
			frame, err := a.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseTVSAnswer(frame)
			if len(a.Certificate) == 0 {
				a.Certificate = nil
			}
			if err != nil || !reflect.DeepEqual(again, a) {
				t.Fatalf("%+v was written and read again as %+v, %v", a, again, err)
			}
		}
	})
}

func (q TVSQuestion) withoutEmpty() TVSQuestion {
	if len(q.Certificate) == 0 {
		q.Certificate = nil
	}
	return q
}
