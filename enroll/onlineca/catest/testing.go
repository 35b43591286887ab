package catest

import "bytes"

// TB is what tests hand over, of testing.TB: package testing has no business in
// the programs that use this package.
type TB interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}

// User and Password are who is let in by UserLogin. The password has what a
// careless form would spoil.
const (
	User     = "phones"
	Password = "corr&ct horse+battery"
)

// UserLogin lets the user in by one of the schemes.
func UserLogin(schemes ...string) Login {
	return Login{Username: User, Password: Password, Schemes: schemes}
}

// MustCA makes a CA with EC keys for one test.
func MustCA(t TB, o Options) *CA {
	t.Helper()
	o.EC = true
	ca, err := NewCA(o)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// MustCertsrv runs a Web Enrollment site for one test.
func MustCertsrv(t TB, o CertsrvOptions) *Certsrv {
	t.Helper()
	if o.CA == nil {
		o.CA = MustCA(t, Options{})
	}
	s, err := StartCertsrv(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// MustEST runs an EST server for one test.
func MustEST(t TB, o ESTOptions) *EST {
	t.Helper()
	if o.CA == nil {
		o.CA = MustCA(t, Options{})
	}
	s, err := StartEST(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// PaddedSerial is the certificate with a serial number that begins with more zeros
// than it needs, which DER forbids and Go does not read.
func PaddedSerial(der []byte) []byte {
	der = bytes.Clone(der)
	serial := content(content(der))[5:] // behind the version
	serial[2], serial[3] = 0, serial[3]&0x7f
	return der
}
