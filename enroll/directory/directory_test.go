package directory_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"capf/enroll/devices/devicestest"
	"capf/enroll/directory"
	"capf/internal/apperr"
)

// TestPasswordStaysWhereItBelongs: a directory that moves to another place takes
// no password along, and is asked for nothing until it has one again.
func TestPasswordStaysWhereItBelongs(t *testing.T) {
	t.Parallel()
	first, other := authority(t), authority(t)
	asked := make(chan struct{}, 100)
	thief := listen(t, func(c net.Conn) { asked <- struct{}{}; io.Copy(io.Discard, c) })
	for name, test := range map[string]struct {
		change  func(*directory.Directory)
		dropped bool
	}{
		"another host":            {func(d *directory.Directory) { d.URL = "ldaps://" + thief }, true},
		"another port":            {func(d *directory.Directory) { d.URL = "ldaps://ldap.example.com:637" }, true},
		"another scheme":          {func(d *directory.Directory) { d.URL, d.StartTLS = "ldap://ldap.example.com:636", true }, true},
		"another CA":              {func(d *directory.Directory) { d.CA = other }, true},
		"one more CA":             {func(d *directory.Directory) { d.CA += other }, true},
		"the CAs of the system":   {func(d *directory.Directory) { d.CA = "" }, true},
		"the same place":          {func(d *directory.Directory) { d.URL = "ldaps://LDAP.example.com:636" }, false},
		"the same CA in a wrap":   {func(d *directory.Directory) { d.CA = "# our CA\n" + d.CA + "\n" }, false},
		"another filter":          {func(d *directory.Directory) { d.Filter = "(uid=*)" }, false},
		"another one who may ask": {func(d *directory.Directory) { d.BindDN = "cn=other," + suffix }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.addDirectory("staff", "", directory.Directory{URL: "ldaps://ldap.example.com", CA: first, BindDN: bindDN, Base: suffix,
				Filter: directory.DefaultFilter, DeviceName: "CSF{uid}", PageSize: 500, Seconds: 30})
			d, err := h.Rules.Store.Directory(t.Context(), "staff")
			devicestest.Must(t, err)
			v, err := directory.ReadDirectory(d)
			devicestest.Must(t, err)
			test.change(&v)
			dropped, err := directory.ChangeDirectory(t.Context(), h.Rules, devicestest.Operator, d, v, nil, nil)
			devicestest.Must(t, err)
			d, err = h.Rules.Store.Directory(t.Context(), "staff")
			devicestest.Must(t, err)
			if dropped != test.dropped || dropped != (d.SealedPassword == nil) {
				t.Fatalf("dropped: %v; the password is there: %v", dropped, d.SealedPassword != nil)
			}
			if !dropped {
				return
			}
			_, err = h.sync("staff", directory.SyncOptions{})
			if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "password") || len(asked) > 0 {
				t.Errorf("a sync without a password: %v; asked %d times", err, len(asked))
			}
			// Other settings can be changed all the same, and with the password it goes on.
			v.Filter = "(uid=*)"
			if dropped, err = directory.ChangeDirectory(t.Context(), h.Rules, devicestest.Operator, d, v, nil, nil); err != nil || dropped {
				t.Errorf("dropped again: %v: %v", dropped, err)
			}
			d, err = h.Rules.Store.Directory(t.Context(), "staff")
			devicestest.Must(t, err)
			v.URL, v.StartTLS = "ldaps://third.example.com", false
			dropped, err = directory.ChangeDirectory(t.Context(), h.Rules, devicestest.Operator, d, v, devicestest.Ptr(password), nil)
			devicestest.Must(t, err)
			if d, err = h.Rules.Store.Directory(t.Context(), "staff"); err != nil || dropped || d.SealedPassword == nil {
				t.Errorf("a password that comes with the address is not kept: %v", err)
			}
		})
	}
}
