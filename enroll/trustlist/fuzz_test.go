package trustlist

import (
	"errors"
	"reflect"
	"testing"
)

func FuzzList(f *testing.F) {
	for _, name := range []string{"CTLSEP001122334455.tlv", "ITLFile.tlv", "ITLFile-sha512-ec.tlv"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || l != nil {
				t.Fatal(l, err)
			}
			return
		}
		if v := Judge(nil, l); (v.Outcome == LeapOfFaith) != (l.Verify() == nil) {
			t.Fatalf("%+v, but %v", v, l.Verify())
		}
		Judge([]*List{l}, l)
		for i := range l.Records {
			r := &l.Records[i]
			written, err := r.append(nil)
			if err != nil {
				t.Fatal(err)
			}
			again, end, err := parseRecord(written, 0)
			if err != nil || end != len(written) || !reflect.DeepEqual(withoutEmpty(again), withoutEmpty(*r)) {
				t.Fatalf("%+v was written and read again as %+v, %v", r, again, err)
			}
		}
	})
}

// withoutEmpty is r, with what is empty as if it were absent.
func withoutEmpty(r Record) Record {
	for _, v := range []*[]byte{&r.Serial, &r.PublicKey, &r.Signature, &r.DER, &r.Address} {
		if len(*v) == 0 {
			*v = nil
		}
	}
	return r
}

func FuzzSignedFile(f *testing.F) {
	for _, name := range []string{"SEP001122334455.cnf.xml.sgn", "SEP001122334455-short.cnf.xml.sgn", "SEP001122334455.cnf.xml.enc.sgn"} {
		f.Add(read(f, name))
	}
	phone, signer := key(f, "phone.key"), certificate(f, "ccm.crt")
	itl, err := Parse(read(f, "ITLFile.tlv"))
	if err != nil {
		f.Fatal(err)
	}
	plain := string(read(f, "SEP001122334455.cnf.xml"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := ParseFile(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || file != nil {
				t.Fatal(file, err)
			}
			return
		}
		if v := JudgeFile([]*List{itl}, file); (v.Outcome == Accepted) != (file.Verify(signer) == nil) {
			t.Fatalf("%+v, but %v", v, file.Verify(signer))
		}
		if file.Verify(signer) == nil && file.Encryption != nil {
			if got, err := file.Decrypt(phone); err != nil || string(got) != plain {
				t.Fatalf("%q, %v", got, err)
			}
		}
	})
}
