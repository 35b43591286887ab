package directory_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/directory"
	"capf/enroll/templates"
	"capf/internal/apperr"
	"capf/store"
)

// TestDirectory syncs with a real OpenLDAP server of 10,000 people.
func TestDirectory(t *testing.T) {
	t.Parallel()
	s := startSlapd(t, company)
	t.Run("the first sync, and later ones", func(t *testing.T) { t.Parallel(); firstAndLater(t, s) })
	t.Run("StartTLS", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		d := s.directory("doubles")
		d.URL, d.StartTLS, d.Filter = s.ldap, true, "(cn=Bert)"
		h.addDirectory("staff", "", d)
		got, err := h.sync("staff", directory.SyncOptions{})
		devicestest.Must(t, err)
		if lines(got) != "CSFbert added" || h.Device("CSFbert").Operation != store.NoOperation {
			t.Errorf("the sync says %q", lines(got))
		}
	})
	t.Run("no people", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.addDirectory("staff", "", s.directory("empty"))
		got, err := h.sync("staff", directory.SyncOptions{})
		devicestest.Must(t, err)
		if got.Entries != 0 || len(got.Rows) != 0 {
			t.Errorf("the sync says %+v", got)
		}
	})
	t.Run("a domain of Active Directory", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		d := s.directory("forest")
		d.Filter = "(objectClass=*)" // for which slapd refers to others, as Active Directory does for any
		h.addDirectory("staff", "", d)
		got, err := h.sync("staff", directory.SyncOptions{Partial: true}) // the base itself is no person
		if !errors.Is(err, apperr.ErrPartly) || got.Counts[store.SyncAdded] != 1 {
			t.Errorf("the sync says %q: %v", lines(got), err)
		}
	})
	t.Run("wrong input", func(t *testing.T) { t.Parallel(); wrongDirectories(t, s) })
}

func firstAndLater(t *testing.T, s slapd) {
	h := newHouse(t)
	_, _, err := templates.Add(t.Context(), h.Rules, devicestest.Operator, "softphones", "", devices.Edit{Operation: devicestest.Ptr(store.Install), AuthMode: devicestest.Ptr(store.ByString), KeyOrder: devicestest.Ptr(store.ECPreferred), Model: devicestest.Ptr("Jabber"), Pool: devicestest.Ptr("Berlin"), UniqueString: true}, false)
	devicestest.Must(t, err)
	devicestest.Must(t, templates.UpsertFeatureGroup(t.Context(), h.Rules, devicestest.Operator, "staff", "softphones", nil))
	h.Add("CSFuser00007", devices.Edit{Pool: devicestest.Ptr("mine")}) // before the directory names it
	h.addDirectory("people", "staff", s.directory("people"))

	before, events := h.Snapshot(), h.Events()
	got, err := h.sync("people", directory.SyncOptions{DryRun: true})
	devicestest.Must(t, err)
	if got.Counts[store.SyncAdded] != people-1 || !slices.Equal(before, h.Snapshot()) || h.Events() != events {
		t.Errorf("the dry run says %v and has changed something", got.Counts)
	}

	out := &devicestest.Strings{Kept: map[string]string{}}
	var told []int
	got, err = h.sync("people", directory.SyncOptions{Strings: out, Progress: func(n int) { told = append(told, n) }})
	devicestest.Must(t, err)
	if len(told) != people/directory.DefaultPageSize || told[0] != directory.DefaultPageSize || told[len(told)-1] != people {
		t.Errorf("the progress was %v", told)
	}
	if got.Entries != people || got.Counts[store.SyncAdded] != people-1 || got.Counts[store.SyncAdopted] != 1 {
		t.Errorf("the sync says %v", got.Counts)
	}
	d := h.Device("CSFuser01234")
	secret, err := h.Rules.AuthenticationString(d)
	devicestest.Must(t, err)
	if d.Description != "Person Number 1234" || d.Model != "Jabber" || d.Operation != store.Install || d.KeyOrder != store.ECPreferred ||
		len(secret) != 10 || out.Kept[d.Name] != secret || len(out.Kept) != people-1 {
		t.Errorf("the device is %+v with the string %q", d, secret)
	}
	if d := h.Device("CSFuser00007"); d.Pool != "mine" || d.Operation != store.NoOperation {
		t.Errorf("the sync has touched %+v", d)
	}

	// A template can be given to it no longer.
	dir, err := h.Rules.Store.Directory(t.Context(), "people")
	devicestest.Must(t, err)
	how, err := directory.ReadDirectory(dir)
	devicestest.Must(t, err)
	_, err = directory.ChangeDirectory(t.Context(), h.Rules, devicestest.Operator, dir, how, nil, devicestest.Ptr("")) // take it away
	if !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("another feature group after the first sync: %v", err)
	}

	// Later: one was deleted here, the settings of another were changed, most
	// are not in the directory any more, and then they are again.
	devicestest.Must(t, h.Rules.Store.DeleteDevice(t.Context(), devicestest.Operator, "CSFuser00001"))
	_, _, err = h.Rules.Change(t.Context(), devicestest.Operator, "CSFuser00002", devices.Edit{Operation: devicestest.Ptr(store.NoOperation)})
	devicestest.Must(t, err)
	narrow := how
	narrow.Filter = "(uid=user0000*)"
	_, err = directory.ChangeDirectory(t.Context(), h.Rules, devicestest.Operator, dir, narrow, nil, nil)
	devicestest.Must(t, err)
	// So many at once are rather a mistake: it says so, here and to status, until it is told to go on.
	dry, err := h.sync("people", directory.SyncOptions{DryRun: true})
	if !errors.Is(err, apperr.ErrRefused) || dry.Counts[store.SyncMissing] != people-10 || strings.Contains(h.findings(), "was not synced") {
		t.Errorf("the dry run says %v: %v; %s", dry.Counts, err, h.findings())
	}
	got, err = h.sync("people", directory.SyncOptions{})
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "9990 of 10000 devices would be missing") || len(got.Rows) != people-10 ||
		!strings.Contains(h.findings(), "directory people was not synced on 2027-01-31: 9990 of 10000 devices would be missing") {
		t.Errorf("a sync that nearly all are missing of: %v, with %d rows; %s", err, len(got.Rows), h.findings())
	}
	dir, err = h.Rules.Store.Directory(t.Context(), "people")
	devicestest.Must(t, err)
	n, err := h.Rules.Store.CountDirectory(t.Context(), dir.ID)
	devicestest.Must(t, err)
	if n.Missing != 0 {
		t.Errorf("%d are marked all the same", n.Missing)
	}
	got, err = h.sync("people", directory.SyncOptions{Beyond: true})
	devicestest.Must(t, err)
	if strings.Contains(h.findings(), "was not synced") {
		t.Errorf("status still says %s", h.findings())
	}
	if got.Counts[store.SyncMissing] != people-10 || got.Counts[store.SyncDeleted] != 1 || got.Counts[store.SyncKnown] != 9 {
		t.Errorf("the second sync says %v", got.Counts)
	}
	if d := h.Device("CSFuser00002"); d.Operation != store.NoOperation {
		t.Error("a later sync has touched settings")
	}
	if _, err := h.Rules.Store.Device(t.Context(), "CSFuser00001"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a device that was deleted has come back: %v", err)
	}
	dir, err = h.Rules.Store.Directory(t.Context(), "people")
	devicestest.Must(t, err)
	_, err = directory.ChangeDirectory(t.Context(), h.Rules, devicestest.Operator, dir, how, nil, nil)
	devicestest.Must(t, err)
	got, err = h.sync("people", directory.SyncOptions{})
	devicestest.Must(t, err)
	if got.Counts[store.SyncBack] != people-10 || got.Counts[store.SyncAdded] != 0 {
		t.Errorf("the third sync says %v", got.Counts)
	}
	n, err = h.Rules.Store.CountDirectory(t.Context(), dir.ID)
	devicestest.Must(t, err)
	if n.Devices != people || n.Missing != 0 {
		t.Errorf("the directory counts %+v", n)
	}
}

// wrongDirectories is what can go wrong with a directory. In each of them
// nothing is written.
func wrongDirectories(t *testing.T, s slapd) {
	silent := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	rude := listen(t, func(c net.Conn) { c.Close() })
	closed := freePort(t)
	halfWay := listen(t, func(c net.Conn) { passOn(c, strings.TrimPrefix(s.ldaps, "ldaps://"), 400<<10) })
	for name, test := range map[string]struct {
		change func(*directory.Directory)
		base   string
		want   string
		hint   string
	}{
		"it is down":                   {func(d *directory.Directory) { d.URL = "ldaps://localhost:" + closed }, "odd", "connection refused", ""},
		"it has no address":            {func(d *directory.Directory) { d.URL = "ldaps://nothing.invalid" }, "odd", "connecting to", ""},
		"it hangs up":                  {func(d *directory.Directory) { d.URL = "ldaps://" + rude }, "odd", "securing the connection", ""},
		"it hangs up half-way":         {func(d *directory.Directory) { d.URL = "ldaps://localhost:" + port(halfWay) }, "people", "reading the entries", ""},
		"it is silent":                 {func(d *directory.Directory) { d.URL, d.Seconds = "ldaps://"+silent, 1 }, "odd", "did not answer within 1s", "--timeout"},
		"it is silent to StartTLS":     {func(d *directory.Directory) { d.URL, d.StartTLS, d.Seconds = "ldap://"+silent, true, 1 }, "odd", "did not answer within 1s", "--timeout"},
		"its CA is not known":          {func(d *directory.Directory) { d.CA = "" }, "odd", "a CA that is not known", "--ca-file"},
		"its name is another":          {func(d *directory.Directory) { d.URL = strings.Replace(d.URL, "localhost", "127.0.0.1", 1) }, "odd", `not for "127.0.0.1"`, "--url"},
		"it refuses the bind":          {func(d *directory.Directory) { d.BindDN = "cn=other," + suffix }, "odd", "refuses the name or the password", "--bind-dn"},
		"nothing is there":             {func(d *directory.Directory) {}, "nowhere", "nothing there", "--base"},
		"it refers elsewhere":          {func(d *directory.Directory) { d.Base = "dc=example,dc=net" }, "", "refers to another one", "--base"},
		"it refers elsewhere for some": {func(d *directory.Directory) { d.Filter = "(objectClass=*)" }, "split", "refers to another one for some", "global catalog"},
		"an entry lacks the attribute": {func(d *directory.Directory) {}, "nameless", "1 entry of directory", "--partial"},
		"two entries are one device":   {func(d *directory.Directory) {}, "doubles", "1 entry of directory", "--partial"},
		"a name that is not allowed":   {func(d *directory.Directory) {}, "odd", "1 entry of directory", "--partial"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.Add("SEP000000000001", devices.Edit{})
			d := s.directory(test.base)
			test.change(&d)
			h.addDirectory("staff", "", d)
			before, events := h.Snapshot(), h.Events()
			_, err := h.sync("staff", directory.SyncOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, want %q", err, test.want)
			}
			if hint := apperr.Hint(err); !strings.Contains(hint, test.hint) {
				t.Errorf("the error %v has not the hint %q", err, test.hint)
			}
			if strings.Contains(err.Error(), password) {
				t.Error("the password is in the error")
			}
			if !slices.Equal(before, h.Snapshot()) || h.Events() != events {
				t.Error("something was written")
			}
		})
	}
	t.Run("what is bad is left out when asked", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for base, want := range map[string]string{
			"nameless": `CSF (the entry has no attribute "uid"); CSFanna added`,
			"doubles":  `CSFBERT (the entry "uid=bert,ou=doubles,dc=example,dc=com" is for the same device); CSFbert added`,
			"odd":      `CSFmüller ("CSFmüller" is not a device name; it has 1 to 64 letters, digits, dots, hyphens and underscores); CSFcarl added`,
		} {
			h.addDirectory(base, "", s.directory(base))
			got, err := h.sync(base, directory.SyncOptions{Partial: true})
			if !errors.Is(err, apperr.ErrPartly) || lines(got) != want {
				t.Errorf("%s: %v: %s", base, err, lines(got))
			}
		}
	})
}

// listen is a server that does with each connection what it is told.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	devicestest.Must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

// TestDirectorySettings refuses what could not work, before anything is asked.
func TestDirectorySettings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := directory.Directory{URL: "ldaps://ldap.example.com", BindDN: bindDN, Base: suffix, Filter: directory.DefaultFilter,
		DeviceName: "CSF{uid}", About: "{cn}", PageSize: 500, Seconds: 30}
	for name, test := range map[string]struct {
		change func(*directory.Directory)
		text   string
	}{
		"an address without a scheme": {func(d *directory.Directory) { d.URL = "ldap.example.com" }, "not the address"},
		"another scheme":              {func(d *directory.Directory) { d.URL = "https://ldap.example.com" }, "not the address"},
		"an address with a base":      {func(d *directory.Directory) { d.URL += "/dc=example" }, "more than a host"},
		"no TLS":                      {func(d *directory.Directory) { d.URL = "ldap://ldap.example.com" }, "in the clear"},
		"TLS twice":                   {func(d *directory.Directory) { d.StartTLS = true }, "from its beginning"},
		"a base that is none":         {func(d *directory.Directory) { d.Base = "people" }, "not a distinguished name"},
		"a filter that is none":       {func(d *directory.Directory) { d.Filter = "(uid=*" }, "not one of LDAP"},
		"one device for all":          {func(d *directory.Directory) { d.DeviceName = "CSFolga" }, "no attribute"},
		"an open brace":               {func(d *directory.Directory) { d.DeviceName = "CSF{uid" }, "not the name of an attribute"},
		"a closing brace":             {func(d *directory.Directory) { d.DeviceName = "CSFuid}" }, "without a {"},
		"a strange attribute":         {func(d *directory.Directory) { d.About = "{c n}" }, "not the name of an attribute"},
		"a CA that is none":           {func(d *directory.Directory) { d.CA = "hello" }, "no certificate"},
		"pages of nothing":            {func(d *directory.Directory) { d.PageSize = 0 }, "1 to 10000"},
		"no time":                     {func(d *directory.Directory) { d.Seconds = 0 }, "1 to 3600"},
		"a password for nobody":       {func(d *directory.Directory) { d.BindDN = "" }, "anonymous"},
	} {
		d := good
		test.change(&d)
		_, err := directory.AddDirectory(t.Context(), h.Rules, devicestest.Operator, "staff", "", new(password), d)
		if err == nil || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := directory.AddDirectory(t.Context(), h.Rules, devicestest.Operator, "staff", "", nil, good); err == nil {
		t.Error("a bind without a password is accepted")
	}
	if _, err := directory.AddDirectory(t.Context(), h.Rules, devicestest.Operator, "staff", "none", new(password), good); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a feature group that there is not: %v", err)
	}
	if _, err := directory.AddDirectory(t.Context(), h.Rules, devicestest.Operator, "-staff", "", new(password), good); !errors.Is(err, apperr.ErrValue) {
		t.Errorf("a name that looks like a flag: %v", err)
	}
	h.addDirectory("staff", "", good)
	d, err := h.Rules.Store.Directory(t.Context(), "STAFF")
	devicestest.Must(t, err)
	if strings.Contains(fmt.Sprintf("%s%s", d.Settings, d.SealedPassword), password) {
		t.Error("the password is not sealed")
	}
	if added, err := directory.AddDirectory(t.Context(), h.Rules, devicestest.Operator, "staff", "", new(password), good); added || err != nil {
		t.Errorf("a directory twice: %v, %v", added, err)
	}
	other := good
	other.Filter = "(cn=x)"
	for _, test := range []struct {
		password string
		d        directory.Directory
	}{{password + "x", good}, {password, other}} {
		if _, err := directory.AddDirectory(t.Context(), h.Rules, devicestest.Operator, "staff", "", &test.password, test.d); !errors.Is(err, store.ErrConflict) {
			t.Errorf("another directory of that name: %v", err)
		}
	}
}

// passOn connects two ends until so many bytes have come back.
func passOn(c net.Conn, to string, limit int64) {
	defer c.Close()
	other, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer other.Close()
	go io.Copy(other, c)
	io.CopyN(c, other, limit)
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}
