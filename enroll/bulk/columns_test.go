package bulk_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capf/enroll/bulk"
	"capf/enroll/devices/devicestest"
	"capf/internal/apperr"
	"capf/store"
)

// vendorFile is as the vendor's guide shows a file for Insert Phones, with what an export
// adds, and the comma at the end of the header.
const vendorFile = "MAC ADDRESS,DESCRIPTION,LOCATION,DEVICE POOL,Device Type,Is Active,USER ID,DEVICE SECURITY MODE,IP ADDRESSING MODE,CERTIFICATE OPERATION,AUTHENTICATION MODE," +
	"AUTHENTICATION STRING,KEY SIZE,OPERATION COMPLETES BY,DIRECTORY NUMBER 1,DIRECTORY NUMBER  2,SPEED DIAL LABEL 12,\r\n" +
	"1231123245AB,SEP1231123245AB,Dallas,DP_1,Cisco 8861,t,johns,Non Secure,IPv4 Only,Install/Upgrade,By Authentication String,12345,2048,2027:12:31:12:0,9728437154,,Helpdesk,\r\n" +
	"CSFolga,,Dallas,DP_1,Cisco Unified Client Services Framework,t,olga,NONSECURE,IPv4 and IPv6,No Pending Operation,By Existing Certificate (Precedence to LSC),,,,,,,\r\n"

// TestVendorFile: files of the vendor's Bulk Administration are read as they come.
func TestVendorFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in, err := h.insert(vendorFile, bulk.InsertOptions{})
	devicestest.Must(t, err)
	want := []string{"LOCATION", "Is Active", "USER ID", "DIRECTORY NUMBER 1", "DIRECTORY NUMBER  2", "SPEED DIAL LABEL 12"}
	if in.Added != 2 || !slices.Equal(in.Ignored, want) {
		t.Errorf("%+v", in)
	}
	d := h.Device("SEP1231123245AB")
	if d.Model != "8861" || d.Pool != "DP_1" || d.Description != "SEP1231123245AB" || d.IPMode != store.IPv4Only || d.Operation != store.Install ||
		d.AuthMode != store.ByString || d.CompletesBy.UTC().Format("2006-01-02 15:04") != "2027-12-31 12:00" {
		t.Errorf("%+v", d)
	}
	if d := h.Device("CSFolga"); d.Model != "Cisco Unified Client Services Framework" || d.AuthMode != store.ByLSCPrecedence || d.IPMode != store.TwoStack {
		t.Errorf("%+v", d)
	}
}

// TestVendorColumns: each heading that is explained is understood, and each that is not
// ignored belongs to an attribute.
func TestVendorColumns(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range bulk.VendorColumns() {
		if seen[v.Heading] || v.About == "" || (v.Takes == "") != strings.HasPrefix(v.About, "ignored: ") {
			t.Errorf("%+v", v)
		}
		seen[v.Heading] = true
		head := "name," + v.Heading
		if v.Takes == "name" {
			head = v.Heading
		}
		for _, title := range []string{head, strings.ToLower(head), strings.ReplaceAll(head, " ", "_")} {
			f, err := bulk.OpenFile([]byte(title+"\n"), bulk.Reading{})
			if err != nil || (len(f.Ignored) == 1) != (v.Takes == "" && v.Heading != "CERTIFICATE OPERATION STATUS") { // which capf writes, too
				t.Errorf("%q: %v", title, err)
			}
		}
	}
}

// TestMappings are headings of somebody else, and what they hold.
func TestMappings(t *testing.T) {
	t.Parallel()
	const text = "Telefon;Raum;Inventar;Pool\n0011.2233.4455;E 12;4711;Berlin\n"
	for name, test := range map[string]struct {
		maps    []string
		ignore  bool
		ignored string
		want    string // of the error
	}{
		"all":                 {[]string{"Telefon=name", "Raum=description", "Inventar=ignore"}, false, "Inventar", ""},
		"others are left out": {[]string{"telefon = Device Name", "RAUM=Description"}, true, "Inventar", ""},
		"not all":             {[]string{"Telefon=name", "Raum=description"}, false, "", `columns that are not known: "Inventar"`},
		"no name":             {nil, true, "", `the header has no column "Device Name"`},
		"no such column":      {[]string{"Phone=name"}, true, "", `the header has no column "Phone", which is to hold name`},
		"twice":               {[]string{"Telefon=name", "Telefon=model"}, true, "", `the column "Telefon" is mapped twice`},
		"two of one":          {[]string{"Telefon=name", "Raum=pool"}, true, "", `the columns "Raum" and "Pool" are the same`},
		"another meaning":     {[]string{"Telefon=name", "Pool=description"}, true, "Raum Inventar", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			r := bulk.Reading{IgnoreUnknown: test.ignore}
			for _, m := range test.maps {
				mapping, err := bulk.ParseMapping(m)
				devicestest.Must(t, err)
				r.Columns = append(r.Columns, mapping)
			}
			in, err := h.insert(text, bulk.InsertOptions{Reading: r})
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v", err)
				}
				return
			}
			devicestest.Must(t, err)
			d := h.Device("SEP001122334455")
			if strings.Join(in.Ignored, " ") != test.ignored || d.Description == "" {
				t.Errorf("%+v, %+v", in, d)
			}
		})
	}
	for _, wrong := range []string{"", "Raum", "=name", "Raum=", "Raum=colour", "Raum=status"} {
		if _, err := bulk.ParseMapping(wrong); !errors.Is(err, apperr.ErrValue) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := bulk.ParseMapping("Raum=colour"); !strings.Contains(err.Error(), "it is one of name, description, model, pool, security-mode") {
		t.Errorf("%v", err)
	}
}

// TestSeparators: what separates the cells of the first row separates those of the header.
func TestSeparators(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"name;Floor, room, side\nCSFolga;E 12\n", "name,Floor; room; side\nCSFolga,\"E 12; left\"\n", "name\tFloor, room; side\nCSFolga\tE 12, left\n",
		"name;Floor, room\n", "name;\"a,b,c\"\nCSFolga\n",
	} {
		f, err := bulk.OpenFile([]byte(text), bulk.Reading{IgnoreUnknown: true})
		if err != nil || len(f.Ignored) != 1 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestOtherEncodings: a file is read in the encoding that is named, or that it begins
// with, and refused once in any other.
func TestOtherEncodings(t *testing.T) {
	t.Parallel()
	for encoding, text := range map[string]string{
		"windows-1252": "sep=;\r\nDevice Name;Description\r\nCSFolga;B\xfcro \x96 5 \x80\r\n",
		"":             "\xff\xfe" + wide("sep=;\r\nDevice Name;Description\r\nCSFolga;Büro – 5 €\r\n"),
		"utf-16le":     wide("Device Name\tDescription\r\nCSFolga\tBüro – 5 €\r\n"),
		"utf-8":        "\xef\xbb\xbfDevice Name,Description\r\nCSFolga,\"Büro – 5 €\"\r\n",
	} {
		h := newHouse(t)
		_, err := h.insert(text, bulk.InsertOptions{Reading: bulk.Reading{Encoding: encoding}})
		if err != nil || h.Device("CSFolga").Description != "Büro – 5 €" {
			t.Errorf("%q: %v", encoding, err)
		}
	}
	_, err := newHouse(t).insert("Device Name,Description\n"+strings.Repeat("CSFolga,B\xfcro\n", 4200), bulk.InsertOptions{})
	if err == nil || err.Error() != "the file is not UTF-8: line 2 has the byte 0xfc" || !strings.Contains(apperr.Hint(err), "--encoding windows-1252") {
		t.Errorf("%v, %s", err, apperr.Hint(err))
	}
}

// wide is a text in UTF-16, the lower byte first.
func wide(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteByte(byte(r))
		b.WriteByte(byte(r >> 8))
	}
	return b.String()
}

// TestForeignWriters: what Python's writer makes of odd cells comes back.
func TestForeignWriters(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is not installed")
	}
	const odd = `a "quoted", one; with everything`
	const script = `import csv, sys
csv.register_dialect("semicolon", delimiter=";", quoting=csv.QUOTE_ALL)
for dialect in "excel", "excel-tab", "unix", "semicolon":
    for encoding in "utf-8", "utf-8-sig", "utf-16", "cp1252":
        name = dialect + "_" + encoding
        with open(name, "w", encoding=encoding, newline="") as out:
            w = csv.writer(out, dialect)
            w.writerow(["DEVICE NAME", "DEVICE POOL", "DESCRIPTION", ""])
            w.writerow(["CSF" + name, "Büro\nBerlin", sys.argv[1], ""])`
	dir := t.TempDir()
	write := exec.Command(python, "-c", script, odd)
	write.Dir, write.Env = dir, append(os.Environ(), "PYTHONUTF8=1")
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := os.ReadDir(dir)
	if devicestest.Must(t, err); len(files) != 16 {
		t.Fatalf("the files are %v", files)
	}
	h := newHouse(t)
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, file.Name()))
		devicestest.Must(t, err)
		reading := bulk.Reading{}
		if strings.HasSuffix(file.Name(), "cp1252") {
			reading.Encoding = "windows-1252"
		}
		if _, err = h.insert(string(data), bulk.InsertOptions{Reading: reading}); err != nil {
			t.Errorf("%s: %v of %q", file.Name(), err, data)
			continue
		}
		if d := h.Device("CSF" + file.Name()); d.Pool != "Büro Berlin" || d.Description != odd {
			t.Errorf("%s: %+v", file.Name(), d)
		}
	}
}

// TestSameProblems: a dry run tells of every problem that the run tells of, in the file and
// in the database.
func TestSameProblems(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.insert("name,pool\nCSFa,Berlin\nCSFb,Berlin\n", bulk.InsertOptions{})
	devicestest.Must(t, err)
	var text strings.Builder
	text.WriteString("name,pool,rsa_bits\nCSFa,Hamburg,\nbad name,,lots\nCSFa,,\nCSFb,,7\nCSFc,,\n12345678,,\nSEP0011.22,,\n")
	for range 2000 {
		text.WriteString("bad name,,lots\n")
	}
	for _, o := range []bulk.InsertOptions{{}, {Update: true}, {Partial: true}, {Partial: true, Update: true}} {
		dry, dryErr := (&house{h.Rehearsal()}).insert(text.String(), o)
		in, err := h.insert(text.String(), o)
		if dryErr == nil || err == nil || dryErr.Error() != err.Error() || !slices.Equal(dry.Problems, in.Problems) || !slices.Equal(dry.Outcomes, in.Outcomes) || !slices.Equal(dry.Warnings, in.Warnings) {
			t.Errorf("%+v: %v with %d problems, %v with %d", o, dryErr, len(dry.Problems), err, len(in.Problems))
		}
		if in.Bad != len(in.Problems) || in.Bad < 4000 || len(in.Outcomes) != in.Rows || in.Written != o.Partial {
			t.Errorf("%d problems, %d of %d rows, written %v", in.Bad, len(in.Outcomes), in.Rows, in.Written)
		}
	}
}
