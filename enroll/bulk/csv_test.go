package bulk_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/internal/apperr"
	"capf/store"
)

const header = "Device Name,Description,Device Pool,Certificate Operation,Authentication Mode,Authentication String,Key Order,Key Size,EC Key Size,Operation Completes By\n"

func (h *house) insert(text string, o bulk.InsertOptions) (bulk.Inserted, error) {
	h.Helper()
	return bulk.Insert(h.Context(), h.Rules, devicestest.Operator, []byte(text), o)
}

// TestInsert reads files as spreadsheets and the vendor's tools write them.
func TestInsert(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"commas in a heading": "Device Name;\"Device Pool\";Description; \r\nSEP000000000001;Berlin;front, left;\r\nCSFolga;;;\r\n",
		"commas":              "Device Name,Device Pool,Description\nSEP000000000001,Berlin,\"front, left\"\nCSFolga,,\n",
		"semicolons":          "Device Name;Device Pool;Description\nSEP000000000001;Berlin;front, left\nCSFolga;;\n",
		"byte order mark":     "\xef\xbb\xbfDevice Name,Device Pool,Description\nSEP000000000001,Berlin,\"front, left\"\nCSFolga,,\n",
		"CRLF, other order":   "Description,Device Name,Device Pool\r\n\"front, left\",SEP000000000001,Berlin\r\n,CSFolga,\r\n\r\n",
		"a quoted newline":    "Device Name,Device Pool,Description\nSEP000000000001,Berlin,\"front,\nleft\"\nCSFolga,,\n",
		"no last newline":     "Device Name,Device Pool,Description\nSEP000000000001,Berlin,\"front, left\"\nCSFolga,,",
		"our own names":       "name,pool,description,status\nsep000000000001,Berlin,\"front, left\",None\nCSFolga,,,None\n",
		"cells of nothing":    "Device Name;Device Pool;Description;;\nSEP000000000001;Berlin;front, left;;\n;;;;\nCSFolga;;; ;\n;;;;\n",
		"short rows":          "Device Name,Device Pool,Description,Model\nSEP000000000001,Berlin,\"front, left\"\nCSFolga\n",
		"tabs":                "Device Name\tDevice Pool\tDescription\nSEP000000000001\tBerlin\tfront, left\nCSFolga\n",
		"a said separator":    "sep=;\r\nDevice Name;Device Pool;Description\r\nSEP000000000001;Berlin;front, left\r\nCSFolga\r\n",
		"said, saved again":   "\xef\xbb\xbf\"Sep=,\",,\nDevice Name,Device Pool,Description\nSEP000000000001,Berlin,\"front, left\"\nCSFolga,,,\n",
		"JSON":                "[{\"name\":\"SEP000000000001\",\"pool\":\"Berlin\",\"description\":\"front, left\",\"rsa_bits\":2048},\n {\"name\":\"CSFolga\",\"completes_by\":null}]",
		"bare addresses":      "MAC ADDRESS,device_pool,DESCRIPTION\n000000000001,Berlin,\"front, left\"\nCSFolga,,\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			in, err := h.insert(text, bulk.InsertOptions{})
			devicestest.Must(t, err)
			if in.Rows != 2 || in.Added != 2 {
				t.Errorf("the result is %+v", in)
			}
			if d := h.Device("SEP000000000001"); d.Pool != "Berlin" || d.Description != "front, left" || d.AuthMode != store.ByNullString {
				t.Errorf("the device is %+v", d)
			}
			in, err = h.insert(text, bulk.InsertOptions{})
			devicestest.Must(t, err)
			if in.Same != 2 || in.Added != 0 {
				t.Errorf("the second time: %+v", in)
			}
		})
	}
}

// TestInsertSettings takes all columns of the vendor.
func TestInsertSettings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in, err := h.insert(header+"SEP000000000001,desk,Berlin,Install/Upgrade,By Authentication String,00471,\"EC Preferred, RSA Backup\",1024,521,2027:02:03:04\n", bulk.InsertOptions{})
	devicestest.Must(t, err)
	d := h.Device("SEP000000000001")
	s, err := h.Rules.AuthenticationString(d)
	devicestest.Must(t, err)
	if d.Operation != store.Install || d.AuthMode != store.ByString || s != "00471" || d.KeyOrder != store.ECPreferred ||
		d.RSABits != 1024 || d.ECBits != 521 || d.CompletesBy.Format("2006-01-02T15") != "2027-02-03T04" || d.Status != store.StatusPending {
		t.Errorf("the device is %+v with %q", d, s)
	}
	if len(in.Warnings) != 1 || !strings.Contains(in.Warnings[0], "1024") {
		t.Errorf("the warnings are %q", in.Warnings)
	}
	added := d.Schedule
	// Changing needs to be said, leaves what is empty, and schedules nothing again.
	changed := header + "SEP000000000001,,Hamburg,install,auth-string,00471,,,,\n"
	if _, err := h.insert(changed, bulk.InsertOptions{}); !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("a device that exists otherwise: %v", err)
	}
	in, err = h.insert(changed, bulk.InsertOptions{Update: true})
	devicestest.Must(t, err)
	d = h.Device("SEP000000000001")
	if in.Changed != 1 || d.Pool != "Hamburg" || d.Description != "desk" || d.Schedule != added || d.RSABits != 1024 {
		t.Errorf("%+v: the device is %+v", in, d)
	}
}

// TestBadCSV lists what can be wrong with a file: each problem is told with
// its place, and nothing is written.
func TestBadCSV(t *testing.T) {
	t.Parallel()
	const plain = "Device Name,Authentication String\n"
	for name, test := range map[string]struct {
		text string
		want string // LINE:COLUMN FIELD: of the first problem, or of the error
	}{
		"an empty file":           {"", "the file is empty"},
		"only blanks":             {"\n \n", "the file is empty"},
		"a wrong header":          {"Device Name,Colour\nCSFolga,red\n", `columns that are not known: "Colour"`},
		"no name":                 {"Description\nx\n", `no column "Device Name"`},
		"a column twice":          {"Device Name,name\nCSFolga,CSFolga\n", "are the same"},
		"no header":               {"SEP000000000001,Berlin\n", "not known"},
		"an unknown separator":    {"sep=|\nDevice Name|Model\nCSFolga|\n", "separated by \"|\""},
		"said and nothing else":   {"sep=;\n", "the header cannot be read: there is none"},
		"behind a said separator": {"sep=;\n\nDevice Name;Key Size\nCSFolga;2048\nCSFanna;many\n", "5:9 Key Size: "},
		"a short row":             {"Key Size,EC Key Size,Device Name\n2048\n", "2:1 Device Name: "},
		"no JSON":                 {"[{\"name\":\"CSFolga\"", "not JSON as capf device list prints it: line 1: its end is missing"},
		"a list in JSON":          {"[\n{\"name\":[]}]", "line 2: the value of \"name\" is neither a text nor a number"},
		"a key twice":             {"[{\"name\":\"a\",\n\"name\":\"b\"}]", "line 2: the key \"name\" comes twice"},
		"two names in JSON":       {"[{\"name\":\"a\",\"Device Name\":\"b\"}]", "are the same"},
		"something behind JSON":   {"[] []", "something behind the list"},
		"JSON in Latin-1":         {"[{\"name\":\"\xfc\"}]", "the file is not UTF-8: line 1 has the byte 0xfc"},
		"a place in JSON":         {"[\n{\"name\":\"CSFolga\"},\n\n{\"name\":\"CSFanna\",\n  \"rsa_bits\":7}]", "4:1 : an RSA key has"},
		"too many cells":          {plain + "CSFolga,1234,5\n", "2:1 : the row has 3 cells, the header 2"},
		"a device twice":          {plain + "CSFolga,\nCSFanna,\ncsfOLGA,\n", "4:1 Device Name: the device is in line 2 already"},
		"no device":               {plain + ",1234\n", "2:1 Device Name: "},
		"a name with blanks":      {plain + "CSF olga,\n", "2:1 Device Name: "},
		"a short MAC address":     {plain + "SEP0011223344,\n", "2:1 Device Name: "},
		"a MAC address as number": {plain + "1.12233E+11,\n", "2:1 Device Name: a spreadsheet"},
		"the same with a comma":   {"Device Name;Authentication String\n1,12233E+11;\n", "2:1 Device Name: a spreadsheet"},
		"one without its zeros":   {"MAC ADDRESS,DESCRIPTION\n1122334455,\n", "is not a MAC address, which has twelve digits"},
		"a cell without heading":  {"Device Name,,Description\nCSFolga,x,\n", "2:9 : the column has no heading"},
		"line ends of old":        {"Device Name,Description\rCSFolga,x\r", "CR alone"},
		"a string as number":      {plain + "CSFolga,1.23457E+09\n", "2:9 Authentication String: a spreadsheet"},
		"a string of letters":     {plain + "CSFolga,hunter2\n", "2:9 Authentication String: an authentication string has 4 to 10 digits"},
		"a string too short":      {plain + "CSFolga,471\n", "2:9 Authentication String: an authentication string"},
		"a NUL byte":              {plain + "CSFolga,12\x0034\n", "line 2 has a NUL byte"},
		"UTF-16":                  {"\xff\xfeD\x00e", "the file is not utf-16le"},
		"UTF-32":                  {"\xff\xfe\x00\x00D\x00\x00\x00", "UTF-32"},
		"an old spreadsheet":      {"\xd0\xcf\x11\xe0", "a spreadsheet, not CSV"},
		"a spreadsheet":           {"PK\x03\x04\x14\x00", "a spreadsheet, not CSV"},
		"Latin-1":                 {"Device Name,Description\nCSFolga,B\xfcro\n", "the file is not UTF-8: line 2 has the byte 0xfc"},
		"an open quote":           {plain + "CSFolga,\"1234\nCSFanna,\n", "is missing"},
		"a quote within":          {plain + "CSF\"olga,1234\n", `2:4 : a " stands in a cell`},
		"an operation":            {"Device Name,Certificate Operation\nCSFolga,Upgrade\n", `2:9 Certificate Operation: "Upgrade" is not a certificate operation`},
		"a size":                  {"Device Name,Key Size\nCSFolga,many\n", `2:9 Key Size: "many" is not a number of bits`},
		"a size there is not":     {"Device Name,Key Size\nCSFolga,1000\n", "2:1 : an RSA key has"},
		"a date there is not":     {"Device Name,Operation Completes By\nCSFolga,2027:02:30:12\n", "2:9 Operation Completes By: "},
		"a time that has passed":  {"Device Name,Certificate Operation,Operation Completes By\nCSFolga,install,2026:02:03:12\n", "2:1 : the time 2026"},
		"a time for nothing":      {"Device Name,Operation Completes By\nCSFolga,2028:02:03:12\n", "has no operation"},
		"a mode without a string": {"Device Name,Certificate Operation,Authentication Mode\nCSFolga,install,auth-string\n", "has none"},
		"a secure device":         {"Device Name,Certificate Operation,Authentication Mode,Authentication String,security_mode\nCSFolga,install,auth-string,1234,Encrypted\n", "cannot register"},
		"a device that exists":    {"Device Name,Device Pool\nCSFnew,\nCSFhere,Berlin\n", "3:1 : the device exists with other settings"},
		"an option as name":       {plain + "CSFolga,\n-rf,\n", "3:1 : \"-rf\" is not the name of a new device; it begins with a letter or a digit"},
		"a folder as name":        {plain + "..,\n", "2:1 : \"..\" is not the name of a new device"},
		"a long description":      {"Device Name,Description\nCSFolga," + strings.Repeat("x", 200) + "\n", "2:1 : the description"},
		"a description in bytes":  {"Device Name,Description,Key Size\nCSFolga," + strings.Repeat("é", 128) + ",1\n", "2:1 : an RSA key has"},
		"a control character":     {"Device Name,Description\nCSFolga,a\x07b\n", "2:1 : the description"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.Add("CSFhere", devices.Edit{})
			before, events := h.Snapshot(), h.Events()
			in, err := h.insert(test.text, bulk.InsertOptions{})
			if !errors.Is(err, apperr.ErrRefused) {
				t.Fatalf("the error is %v", err)
			}
			got := err.Error()
			if len(in.Problems) > 0 {
				p := in.Problems[0]
				got = fmt.Sprintf("%d:%d %s: %s", p.Line, p.Column, p.Field, p.Text)
			}
			if !strings.Contains(got, test.want) || strings.Contains(got, "hunter2") {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if !slices.Equal(before, h.Snapshot()) || h.Events() != events {
				t.Error("something was written")
			}
		})
	}
}

// TestManyProblems are all told, in their order, and --partial puts in the rest.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Add("CSFhere", devices.Edit{})
	text := "Device Name,Device Pool,Key Size\nCSF1,a,2048\nbad name,a,lots\nCSFhere,b,\nCSF1,a,\nCSF2,a,\n"
	in, err := h.insert(text, bulk.InsertOptions{Partial: true})
	if !errors.Is(err, apperr.ErrPartly) {
		t.Fatalf("the error is %v", err)
	}
	var lines []int
	for _, p := range in.Problems {
		lines = append(lines, p.Line)
	}
	if fmt.Sprint(lines) != "[3 3 4 5]" || in.Rows != 5 || in.Added != 2 || in.Bad != 4 {
		t.Errorf("the result is %+v", in)
	}
	if h.Device("CSFhere").Pool != "" || h.Device("CSF2").Pool != "a" {
		t.Error("the wrong rows were put in")
	}
}

// TestFormulasComeBack: what a list has quoted, so that no spreadsheet runs it,
// is as it was.
func TestFormulasComeBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.insert("name;description\nCSFa;'=1+1\nCSFb;'＝1\nCSFc;'tis\n", bulk.InsertOptions{})
	devicestest.Must(t, err)
	for name, want := range map[string]string{"CSFa": "=1+1", "CSFb": "＝1", "CSFc": "'tis"} {
		if got := h.Device(name).Description; got != want {
			t.Errorf("%s is described as %q", name, got)
		}
	}
}

func TestInsertDryRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.Events()
	in, err := (&house{h.Rehearsal()}).insert("Device Name\nCSF1\nCSF2\n", bulk.InsertOptions{})
	devicestest.Must(t, err)
	if in.Added != 2 || len(h.Snapshot()) != 0 || h.Events() != before {
		t.Errorf("the result is %+v, the devices are %q", in, h.Snapshot())
	}
}

// TestTemplateCSV: the empty file has columns that are understood.
func TestTemplateCSV(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	devicestest.Must(t, w.Write(bulk.CSVHeader()))
	w.Flush()
	in, err := h.insert(b.String(), bulk.InsertOptions{})
	devicestest.Must(t, err)
	if in.Rows != 0 {
		t.Errorf("the empty file has %d rows", in.Rows)
	}
}

// FuzzInsert reads any file, up to the commit that a dry run leaves out.
func FuzzInsert(f *testing.F) {
	f.Add([]byte(header + "SEP000000000001,x,y,install,null-string,,rsa,2048,384,\n"))
	f.Add([]byte("\xef\xbb\xbfname;pool\n\"CSF\nx\";\n"))
	f.Add([]byte("name\nCSF1\nCSF1\n"))
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := bulk.Insert(t.Context(), h.Rehearsal().Rules, devicestest.Operator, data, bulk.InsertOptions{})
		if (err == nil) != (in.Bad == 0 && in.Rows == int(in.Added)) && !errors.Is(err, apperr.ErrRefused) {
			t.Errorf("%v: %+v", err, in)
		}
		for _, p := range in.Problems {
			if p.Line < 1 || p.Column < 1 || !utf8.ValidString(p.Text) || !utf8.ValidString(p.Device) {
				t.Errorf("a problem is %+v", p)
			}
		}
		inner := &house{&devicestest.House{TB: t, Rules: h.Rules, Clock: h.Clock}}
		if n := len(inner.Snapshot()); n != 0 {
			t.Fatalf("a dry run has written %d devices", n)
		}
	})
}
