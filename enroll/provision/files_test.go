package provision_test

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"capf/crypto"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/lists"
	"capf/enroll/provision"
	"capf/enroll/transfer"
	"capf/internal/apperr"
	"capf/store"
)

const sep = "SEP001122334455"

// counter counts outcomes.
type counter map[string]int

func (c counter) Provisioned(protocol, outcome string, _ int64) { c[protocol+" "+outcome]++ }

// house is a CAPF with a folder for phones, and one device.
type house struct {
	*devicestest.House
	*provision.Files
	dir     string
	counted counter
	log     *strings.Builder
}

func open(t *testing.T) house {
	h := house{House: devicestest.New(t), dir: t.TempDir(), counted: counter{}, log: &strings.Builder{}}
	h.Init()
	h.Set("provision_folder", h.dir)
	install := store.Install
	mode := store.ByString
	h.Add(sep, devices.Edit{Operation: &install, AuthMode: &mode, String: devicestest.Ptr("482915")})
	h.Files = provision.New(provision.Config{Store: h.Rules.Store.Reader, Sealer: h.Rules.Sealer, Now: h.Clock.Now, Log: slog.New(slog.NewTextHandler(h.log, nil)), Meter: h.counted})
	return h
}

// put writes a file into the folder.
func (h house) put(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(h.dir, name)
	devicestest.Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	devicestest.Must(t, os.WriteFile(path, []byte(text), mode))
	devicestest.Must(t, os.Chmod(path, mode))
}

// get is what a phone gets for a name.
func (h house) get(t *testing.T, name string) (string, error) {
	t.Helper()
	f, err := h.Give(t.Context(), transfer.Request{Protocol: transfer.HTTP, Name: name, From: netip.MustParseAddr("192.0.2.7"), Local: netip.MustParseAddr("192.0.2.1")})
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if int64(len(data)) != f.Size {
		t.Errorf("%s has %d bytes, and is said to have %d", name, len(data), f.Size)
	}
	return string(data), err
}

// TestConfiguration: a device that is known gets its file with the elements for CAPF; one
// without a file gets that for all, or else the smallest. A stranger gets none of them.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	h := open(t)
	where := "<processNodeName>192.0.2.1</processNodeName>"
	get := func(what string, has ...string) {
		t.Helper()
		text, err := h.get(t, sep+".cnf.xml")
		for _, part := range append(has, "<capfAuthMode>1</capfAuthMode>", where) {
			if err != nil || !strings.Contains(text, part) {
				t.Errorf("%s: no %s in %v\n%s", what, part, err, text)
			}
		}
		if strings.Contains(text, "482915") {
			t.Errorf("%s: the authentication string is in it\n%s", what, text)
		}
	}
	get("the smallest", "<deviceProtocol>SIP</deviceProtocol>")
	h.put(t, "XMLDefault.cnf.xml", "<device><versionStamp>all</versionStamp></device>", 0o644)
	get("that for all", "<versionStamp>all</versionStamp>")
	h.put(t, sep+".cnf.xml", "<device><versionStamp>own</versionStamp></device>", 0o644)
	get("its own", "<versionStamp>own</versionStamp>")
	h.Set("capf_addresses", "capf.example.com")
	where = "<processNodeName>capf.example.com</processNodeName>"
	get("with an address that is set")
	for _, name := range []string{"SEPAABBCCDDEEFF.cnf.xml", "SEPAABBCCDDEEFF.cnf.xml.sgn", "ITLSEPAABBCCDDEEFF.tlv", "ITL" + sep + ".tlv", "ITLFile.tlv", sep + ".cnf.xml.enc.sgn"} {
		if text, err := h.get(t, name); !errors.Is(err, transfer.ErrNotFound) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if text, err := h.get(t, "XMLDefault.cnf.xml"); err != nil || strings.Contains(text, "capf") {
		t.Errorf("a stranger gets %q, %v", text, err)
	}
}

// TestUnreadableConfiguration: a file into which nothing can be put is given as it is, and
// the log says so.
func TestUnreadableConfiguration(t *testing.T) {
	t.Parallel()
	h := open(t)
	const odd = "<device><a></device>"
	h.put(t, sep+".cnf.xml", odd, 0o644)
	if text, err := h.get(t, sep+".cnf.xml"); err != nil || text != odd {
		t.Errorf("it is %q, %v", text, err)
	}
	if !strings.Contains(h.log.String(), "goes out as it is") || !strings.Contains(h.log.String(), sep) {
		t.Errorf("the log is %s", h.log)
	}
}

// TestFolder: what lies in the folder is given if it is a file that everybody may read, has
// a name for which phones ask, and is really in there.
func TestFolder(t *testing.T) {
	t.Parallel()
	h := open(t)
	outside := filepath.Join(t.TempDir(), "outside.xml")
	devicestest.Must(t, os.WriteFile(outside, []byte("secret"), 0o644))
	h.put(t, "Desktops/320x212x12/List.xml", "list", 0o644)
	h.put(t, "private.xml", "secret", 0o640)
	h.put(t, "capf.key", "secret", 0o644)
	h.put(t, ".hidden.xml", "secret", 0o644)
	h.put(t, "a.txt", "secret", 0o644)
	devicestest.Must(t, os.Symlink(outside, filepath.Join(h.dir, "link.xml")))
	devicestest.Must(t, os.Symlink("Desktops/320x212x12/List.xml", filepath.Join(h.dir, "inside.xml")))
	devicestest.Must(t, os.Symlink(filepath.Dir(outside), filepath.Join(h.dir, "way")))
	devicestest.Must(t, syscall.Mkfifo(filepath.Join(h.dir, "pipe.xml"), 0o644))
	devicestest.Must(t, os.Mkdir(filepath.Join(h.dir, "folder.xml"), 0o755))
	for name, want := range map[string]string{
		"Desktops/320x212x12/List.xml": "list", "inside.xml": "list",
		"private.xml": "", "capf.key": "", ".hidden.xml": "", "a.txt": "", "link.xml": "", "way/outside.xml": "", "pipe.xml": "", "folder.xml": "", "Desktops": "", "Desktops/320x212x12/": "",
		"../" + filepath.Base(h.dir) + "/inside.xml": "", "none.xml": "", "inside.xml/a.xml": "", "INSIDE.XML": "",
	} {
		text, err := h.get(t, name)
		if text != want || (want == "") != errors.Is(err, transfer.ErrNotFound) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// TestSecretConfiguration: where an encrypted configuration lies, the plain one beside it is
// nobody's, also when the device is deleted, and while the encrypted one cannot be given.
func TestSecretConfiguration(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.put(t, sep+".cnf.xml", "<device><sshPassword>secret</sshPassword></device>", 0o644)
	nobody := func(what string) {
		t.Helper()
		for _, name := range []string{sep + ".cnf.xml", strings.ToLower(sep) + ".cnf.xml", sep + ".cnf.xml.sgn"} {
			if text, err := h.get(t, name); strings.Contains(text, "secret") || err != nil && !errors.Is(err, transfer.ErrNotFound) {
				t.Errorf("%s: %s is %q, %v", what, name, text, err)
			}
		}
	}
	h.put(t, sep+".cnf.xml.enc.sgn", "encrypted", 0o600)
	nobody("with an encrypted one that cannot be given")
	devicestest.Must(t, os.Chmod(filepath.Join(h.dir, sep+".cnf.xml.enc.sgn"), 0o644))
	nobody("with an encrypted one")
	devicestest.Must(t, h.Rules.Store.DeleteDevice(t.Context(), devicestest.Operator, sep))
	nobody("without the device")
	h.sign(t)
	nobody("without the device, signed")
}

// sign gives capf a key that signs files.
func (h house) sign(t *testing.T) {
	t.Helper()
	certificate, key, err := crypto.NewSAST(rand.Reader, crypto.Name{Organization: "Example"}, h.Clock.Now())
	devicestest.Must(t, err)
	members := lists.Members{Store: h.Rules.Store, Now: h.Clock.Now, Sealer: h.Rules.Sealer}
	_, err = members.Add(t.Context(), devicestest.Operator, lists.NewMember{Certificate: certificate, Key: key, Roles: []store.ListRole{"tftp"}})
	devicestest.Must(t, err)
}

// TestSignedForms: with a key for that, a file of the folder is signed as it is asked for,
// and what phones may not have is not to be had in that form either.
func TestSignedForms(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.sign(t)
	h.put(t, "Ringlist.xml", "tones", 0o644)
	h.put(t, "private.xml", "secret", 0o640)
	for _, name := range []string{"tftp.key", "capf.db", "backup.tar", "list.csv", ".hidden.xml"} {
		h.put(t, name, "secret", 0o644)
		h.put(t, name+".enc", "secret", 0o644)
	}
	if text, err := h.get(t, "Ringlist.xml.sgn"); err != nil || !strings.HasSuffix(text, "tones") || len(text) < 256 {
		t.Errorf("a list of tones: %q, %v", text, err)
	}
	for _, name := range []string{"tftp.key", "capf.db", "backup.tar", "list.csv", ".hidden.xml", "private.xml"} {
		for _, ending := range []string{".sgn", ".SGN", ".enc.sgn", ".sgn.sgn"} {
			if text, err := h.get(t, name+ending); !errors.Is(err, transfer.ErrNotFound) {
				t.Errorf("%s: %q, %v", name+ending, text, err)
			}
		}
	}
}

// TestFolderOfTheDatabase: neither that folder nor one above it becomes one for phones, by
// whatever name it is called.
func TestFolderOfTheDatabase(t *testing.T) {
	t.Parallel()
	h := open(t)
	database := h.Rules.Store.Path()
	link := filepath.Join(t.TempDir(), "link")
	devicestest.Must(t, os.Symlink(filepath.Dir(database), link))
	beside := filepath.Join(filepath.Dir(database), "tftp")
	devicestest.Must(t, os.Mkdir(beside, 0o755))
	for folder, refused := range map[string]bool{filepath.Dir(database): true, filepath.Dir(filepath.Dir(database)): true, "/": true, link: true, beside: false, h.dir: false, "/nowhere/at/all": false} {
		// Whatever way the value has come into the database.
		devicestest.Must(t, h.Rules.Store.SetParameter(t.Context(), devicestest.Operator, "provision_folder", folder))
		_, err := h.get(t, "a.xml")
		if errors.Is(err, apperr.ErrRefused) != refused {
			t.Errorf("%s: %v", folder, err)
		}
		if err := provision.CheckFolder(folder, database); errors.Is(err, apperr.ErrRefused) != refused {
			t.Errorf("%s is found to be %v", folder, err)
		}
	}
}

// TestIPv6: phones are served over IPv6 where that is enabled, as by CAPF.
func TestIPv6(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.put(t, "a.xml", "a", 0o644)
	ask := func() error {
		f, err := h.Give(t.Context(), transfer.Request{Name: "a.xml", From: netip.MustParseAddr("2001:db8::7")})
		if err == nil {
			f.Close()
		}
		return err
	}
	if err := ask(); !errors.Is(err, transfer.ErrForbidden) {
		t.Errorf("while it is off: %v", err)
	}
	h.Set("enable_ipv6", "true")
	if err := ask(); err != nil {
		t.Errorf("while it is on: %v", err)
	}
}

// TestRequestsAreLogged: one line each, with who, what and how; a flood has few lines, and
// one that says so.
func TestRequestsAreLogged(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Ended(transfer.Result{Request: transfer.Request{Protocol: transfer.TFTP, Name: "a\nb.xml", From: netip.MustParseAddr("192.0.2.7")}, Outcome: transfer.NotFound, Err: errors.New("it is not in the folder")})
	for _, want := range []string{"msg=file protocol=tftp address=192.0.2.7", `file="a\nb.xml"`, "outcome=not-found", `reason="it is not in the folder"`} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("%s is missing in %s", want, h.log)
		}
	}
	for range 100000 {
		h.Ended(transfer.Result{Request: transfer.Request{Protocol: transfer.HTTP, Name: "a.xml"}, Outcome: transfer.Sent})
	}
	if n := strings.Count(h.log.String(), "\n"); n > 10000 || n < 1000 {
		t.Errorf("%d lines for a flood", n)
	}
	if h.counted["http sent"] != 100000 || h.counted["tftp not-found"] != 1 {
		t.Errorf("counted were %v", h.counted)
	}
}

// TestChangesAreInForceAtOnce: whatever is changed, by this process or another one, the
// next request sees it, also between the events of phones that enroll.
func TestChangesAreInForceAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	other, err := store.Open(t.Context(), h.Rules.Store.Path(), store.Options{Now: h.Clock.Now})
	devicestest.Must(t, err)
	t.Cleanup(func() { devicestest.Must(t, other.Close()) })
	phone := func() {
		devicestest.Must(t, h.Rules.Store.AddEvent(t.Context(), store.Event{Actor: store.Actor{Kind: store.Phone, Name: sep}, Device: sep, Action: "enroll", Step: "key"}))
	}
	shows := func(what, part string, want bool) {
		t.Helper()
		text, err := h.get(t, sep+".cnf.xml")
		if err != nil || strings.Contains(text, part) != want {
			t.Errorf("%s: %s is in it: %v, %v\n%s", what, part, !want, err, text)
		}
		phone()
	}
	for i, address := range []string{"a.example.com", "b.example.com", "c.example.com"} {
		shows(address, address, false)
		devicestest.Must(t, other.SetParameter(t.Context(), devicestest.Operator, "capf_addresses", address))
		if i == 1 {
			phone()
		}
		shows(address, address, true)
	}
	shows("tvs is inactive", "<TVS>", false)
	devicestest.Must(t, other.SetService(t.Context(), devicestest.Operator, "tvs", true))
	shows("tvs is active", "<TVS>", true)
	shows("without an LSC", "<certHash></certHash>", true)
	h.InstallLSC(sep, "CN=CAPF", h.Clock.Now(), 365)
	shows("with an LSC", "<certHash></certHash>", false)
	shows("nothing is scheduled", "<capfAuthMode>0</capfAuthMode>", true)
	devicestest.Must(t, other.DeleteDevice(t.Context(), devicestest.Operator, sep))
	if _, err = h.get(t, sep+".cnf.xml"); !errors.Is(err, transfer.ErrNotFound) {
		t.Errorf("a device that was deleted: %v", err)
	}
}
