package provision_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"capf/enroll"
	"capf/enroll/provision"
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
		got, err := h.sync("staff", provision.SyncOptions{})
		must(t, err)
		if lines(got) != "CSFbert added" || h.device("CSFbert").Operation != store.NoOperation {
			t.Errorf("the sync says %q", lines(got))
		}
	})
	t.Run("no people", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.addDirectory("staff", "", s.directory("empty"))
		got, err := h.sync("staff", provision.SyncOptions{})
		must(t, err)
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
		got, err := h.sync("staff", provision.SyncOptions{Partial: true}) // the base itself is no person
		if !errors.Is(err, apperr.ErrPartly) || got.Counts[store.SyncAdded] != 1 {
			t.Errorf("the sync says %q: %v", lines(got), err)
		}
	})
	t.Run("wrong input", func(t *testing.T) { t.Parallel(); wrongDirectories(t, s) })
}

func firstAndLater(t *testing.T, s slapd) {
	h := newHouse(t)
	_, _, err := provision.AddTemplate(t.Context(), h.rules, operator, "softphones", "", provision.Edit{DeviceEdit: enroll.DeviceEdit{
		Operation: ptr(store.Install), AuthMode: ptr(store.ByString), KeyOrder: ptr(store.ECPreferred), Model: ptr("Jabber"), Pool: ptr("Berlin"),
	}, Unique: true}, false)
	must(t, err)
	must(t, provision.UpsertFeatureGroup(t.Context(), h.rules, operator, "staff", "softphones", nil))
	h.add("CSFuser00007", enroll.DeviceEdit{Pool: ptr("mine")}) // before the directory names it
	h.addDirectory("people", "staff", s.directory("people"))

	before, events := h.snapshot(), h.events()
	got, err := h.sync("people", provision.SyncOptions{DryRun: true})
	must(t, err)
	if got.Counts[store.SyncAdded] != people-1 || !slices.Equal(before, h.snapshot()) || h.events() != events {
		t.Errorf("the dry run says %v and has changed something", got.Counts)
	}

	out := &kept{strings: map[string]string{}}
	var told []int
	got, err = h.sync("people", provision.SyncOptions{Strings: out, Progress: func(n int) { told = append(told, n) }})
	must(t, err)
	if len(told) != people/provision.DefaultPageSize || told[0] != provision.DefaultPageSize || told[len(told)-1] != people {
		t.Errorf("the progress was %v", told)
	}
	if got.Entries != people || got.Counts[store.SyncAdded] != people-1 || got.Counts[store.SyncAdopted] != 1 {
		t.Errorf("the sync says %v", got.Counts)
	}
	d := h.device("CSFuser01234")
	secret, err := h.rules.AuthenticationString(d)
	must(t, err)
	if d.Description != "Person Number 1234" || d.Model != "Jabber" || d.Operation != store.Install || d.KeyOrder != store.ECPreferred ||
		len(secret) != 10 || out.strings[d.Name] != secret || len(out.strings) != people-1 {
		t.Errorf("the device is %+v with the string %q", d, secret)
	}
	if d := h.device("CSFuser00007"); d.Pool != "mine" || d.Operation != store.NoOperation {
		t.Errorf("the sync has touched %+v", d)
	}

	// A template can be given to it no longer.
	dir, err := h.rules.Store.Directory(t.Context(), "people")
	must(t, err)
	how, err := provision.ReadDirectory(dir)
	must(t, err)
	_, err = provision.ChangeDirectory(t.Context(), h.rules, operator, dir, how, nil, ptr("")) // take it away
	if !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("another feature group after the first sync: %v", err)
	}

	// Later: one was deleted here, the settings of another were changed, most
	// are not in the directory any more, and then they are again.
	must(t, h.rules.Store.DeleteDevice(t.Context(), operator, "CSFuser00001"))
	_, _, err = h.rules.ChangeDevice(t.Context(), operator, "CSFuser00002", enroll.DeviceEdit{Operation: ptr(store.NoOperation)})
	must(t, err)
	narrow := how
	narrow.Filter = "(uid=user0000*)"
	_, err = provision.ChangeDirectory(t.Context(), h.rules, operator, dir, narrow, nil, nil)
	must(t, err)
	// So many at once are rather a mistake: it says so, here and to status, until it is told to go on.
	dry, err := h.sync("people", provision.SyncOptions{DryRun: true})
	if !errors.Is(err, apperr.ErrRefused) || dry.Counts[store.SyncMissing] != people-10 || strings.Contains(h.findings(), "was not synced") {
		t.Errorf("the dry run says %v: %v; %s", dry.Counts, err, h.findings())
	}
	got, err = h.sync("people", provision.SyncOptions{})
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "9990 of 10000 devices would be missing") || len(got.Rows) != people-10 ||
		!strings.Contains(h.findings(), "directory people was not synced on 2027-01-31: 9990 of 10000 devices would be missing") {
		t.Errorf("a sync that nearly all are missing of: %v, with %d rows; %s", err, len(got.Rows), h.findings())
	}
	dir, err = h.rules.Store.Directory(t.Context(), "people")
	must(t, err)
	n, err := h.rules.Store.CountDirectory(t.Context(), dir.ID)
	must(t, err)
	if n.Missing != 0 {
		t.Errorf("%d are marked all the same", n.Missing)
	}
	got, err = h.sync("people", provision.SyncOptions{Beyond: true})
	must(t, err)
	if strings.Contains(h.findings(), "was not synced") {
		t.Errorf("status still says %s", h.findings())
	}
	if got.Counts[store.SyncMissing] != people-10 || got.Counts[store.SyncDeleted] != 1 || got.Counts[store.SyncKnown] != 9 {
		t.Errorf("the second sync says %v", got.Counts)
	}
	if d := h.device("CSFuser00002"); d.Operation != store.NoOperation {
		t.Error("a later sync has touched settings")
	}
	if _, err := h.rules.Store.Device(t.Context(), "CSFuser00001"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a device that was deleted has come back: %v", err)
	}
	dir, err = h.rules.Store.Directory(t.Context(), "people")
	must(t, err)
	_, err = provision.ChangeDirectory(t.Context(), h.rules, operator, dir, how, nil, nil)
	must(t, err)
	got, err = h.sync("people", provision.SyncOptions{})
	must(t, err)
	if got.Counts[store.SyncBack] != people-10 || got.Counts[store.SyncAdded] != 0 {
		t.Errorf("the third sync says %v", got.Counts)
	}
	n, err = h.rules.Store.CountDirectory(t.Context(), dir.ID)
	must(t, err)
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
		change func(*provision.Directory)
		base   string
		want   string
		hint   string
	}{
		"it is down":                   {func(d *provision.Directory) { d.URL = "ldaps://localhost:" + closed }, "odd", "connection refused", ""},
		"it has no address":            {func(d *provision.Directory) { d.URL = "ldaps://nothing.invalid" }, "odd", "connecting to", ""},
		"it hangs up":                  {func(d *provision.Directory) { d.URL = "ldaps://" + rude }, "odd", "securing the connection", ""},
		"it hangs up half-way":         {func(d *provision.Directory) { d.URL = "ldaps://localhost:" + port(halfWay) }, "people", "reading the entries", ""},
		"it is silent":                 {func(d *provision.Directory) { d.URL, d.Seconds = "ldaps://"+silent, 1 }, "odd", "did not answer within 1s", "--timeout"},
		"it is silent to StartTLS":     {func(d *provision.Directory) { d.URL, d.StartTLS, d.Seconds = "ldap://"+silent, true, 1 }, "odd", "did not answer within 1s", "--timeout"},
		"its CA is not known":          {func(d *provision.Directory) { d.CA = "" }, "odd", "a CA that is not known", "--ca-file"},
		"its name is another":          {func(d *provision.Directory) { d.URL = strings.Replace(d.URL, "localhost", "127.0.0.1", 1) }, "odd", `not for "127.0.0.1"`, "--url"},
		"it refuses the bind":          {func(d *provision.Directory) { d.BindDN = "cn=other," + suffix }, "odd", "refuses the name or the password", "--bind-dn"},
		"nothing is there":             {func(d *provision.Directory) {}, "nowhere", "nothing there", "--base"},
		"it refers elsewhere":          {func(d *provision.Directory) { d.Base = "dc=example,dc=net" }, "", "refers to another one", "--base"},
		"it refers elsewhere for some": {func(d *provision.Directory) { d.Filter = "(objectClass=*)" }, "split", "refers to another one for some", "global catalog"},
		"an entry lacks the attribute": {func(d *provision.Directory) {}, "nameless", "1 entry of directory", "--partial"},
		"two entries are one device":   {func(d *provision.Directory) {}, "doubles", "1 entry of directory", "--partial"},
		"a name that is not allowed":   {func(d *provision.Directory) {}, "odd", "1 entry of directory", "--partial"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.add("SEP000000000001", enroll.DeviceEdit{})
			d := s.directory(test.base)
			test.change(&d)
			h.addDirectory("staff", "", d)
			before, events := h.snapshot(), h.events()
			_, err := h.sync("staff", provision.SyncOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, want %q", err, test.want)
			}
			if !strings.Contains(apperr.Hint(err), test.hint) {
				t.Errorf("the error %v has not the hint %q", err, test.hint)
			}
			if strings.Contains(err.Error(), password) {
				t.Error("the password is in the error")
			}
			if !slices.Equal(before, h.snapshot()) || h.events() != events {
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
			got, err := h.sync(base, provision.SyncOptions{Partial: true})
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
	must(t, err)
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
	good := provision.Directory{URL: "ldaps://ldap.example.com", BindDN: bindDN, Base: suffix, Filter: provision.DefaultFilter,
		DeviceName: "CSF{uid}", About: "{cn}", PageSize: 500, Seconds: 30}
	for name, test := range map[string]struct {
		change func(*provision.Directory)
		text   string
	}{
		"an address without a scheme": {func(d *provision.Directory) { d.URL = "ldap.example.com" }, "not the address"},
		"another scheme":              {func(d *provision.Directory) { d.URL = "https://ldap.example.com" }, "not the address"},
		"an address with a base":      {func(d *provision.Directory) { d.URL += "/dc=example" }, "more than a host"},
		"no TLS":                      {func(d *provision.Directory) { d.URL = "ldap://ldap.example.com" }, "in the clear"},
		"TLS twice":                   {func(d *provision.Directory) { d.StartTLS = true }, "from its beginning"},
		"a base that is none":         {func(d *provision.Directory) { d.Base = "people" }, "not a distinguished name"},
		"a filter that is none":       {func(d *provision.Directory) { d.Filter = "(uid=*" }, "not one of LDAP"},
		"one device for all":          {func(d *provision.Directory) { d.DeviceName = "CSFolga" }, "no attribute"},
		"an open brace":               {func(d *provision.Directory) { d.DeviceName = "CSF{uid" }, "not the name of an attribute"},
		"a closing brace":             {func(d *provision.Directory) { d.DeviceName = "CSFuid}" }, "without a {"},
		"a strange attribute":         {func(d *provision.Directory) { d.About = "{c n}" }, "not the name of an attribute"},
		"a CA that is none":           {func(d *provision.Directory) { d.CA = "hello" }, "no certificate"},
		"pages of nothing":            {func(d *provision.Directory) { d.PageSize = 0 }, "1 to 10000"},
		"no time":                     {func(d *provision.Directory) { d.Seconds = 0 }, "1 to 3600"},
		"a password for nobody":       {func(d *provision.Directory) { d.BindDN = "" }, "anonymous"},
	} {
		d := good
		test.change(&d)
		_, err := provision.AddDirectory(t.Context(), h.rules, operator, "staff", "", new(password), d)
		if err == nil || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := provision.AddDirectory(t.Context(), h.rules, operator, "staff", "", nil, good); err == nil {
		t.Error("a bind without a password is accepted")
	}
	if _, err := provision.AddDirectory(t.Context(), h.rules, operator, "staff", "none", new(password), good); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a feature group that there is not: %v", err)
	}
	if _, err := provision.AddDirectory(t.Context(), h.rules, operator, "-staff", "", new(password), good); !errors.Is(err, apperr.ErrValue) {
		t.Errorf("a name that looks like a flag: %v", err)
	}
	h.addDirectory("staff", "", good)
	d, err := h.rules.Store.Directory(t.Context(), "STAFF")
	must(t, err)
	if strings.Contains(fmt.Sprintf("%s%s", d.Settings, d.SealedPassword), password) {
		t.Error("the password is not sealed")
	}
	if added, err := provision.AddDirectory(t.Context(), h.rules, operator, "staff", "", new(password), good); added || err != nil {
		t.Errorf("a directory twice: %v, %v", added, err)
	}
	other := good
	other.Filter = "(cn=x)"
	for _, test := range []struct {
		password string
		d        provision.Directory
	}{{password + "x", good}, {password, other}} {
		if _, err := provision.AddDirectory(t.Context(), h.rules, operator, "staff", "", &test.password, test.d); !errors.Is(err, store.ErrConflict) {
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
