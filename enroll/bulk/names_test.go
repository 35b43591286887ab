package bulk_test

import (
	"slices"
	"strings"
	"testing"

	"capf/enroll/bulk"
)

// TestReadNames reads lists as operators, scripts and spreadsheets write them.
func TestReadNames(t *testing.T) {
	t.Parallel()
	want := []string{"SEP001122334455", "CSFolga"}
	for name, text := range map[string]string{
		"lines":                  "SEP001122334455\nCSFolga\n",
		"CRLF, BOM, no last end": "\xef\xbb\xbfSEP001122334455\r\nCSFolga",
		"UTF-16":                 "\xff\xfe" + wide("SEP001122334455\r\nCSFolga\r\n"),
		"CR alone":               "SEP001122334455\rCSFolga\r",
		"comments":               "# floor 3\n\n  SEP001122334455  # lobby\n\t\nCSFolga\n#CSFotto\n",
		"a heading alone":        "Device Name\nSEP001122334455\nCSFolga\n",
		"commas":                 "Device Pool,DEVICE NAME,Whatever\nBerlin,SEP001122334455,\"a, b\"\n,CSFolga\nx,,\n",
		"semicolons":             "name;pool\nSEP001122334455;Berlin\nCSFolga\n",
		"a said separator":       "sep=;\r\nMAC Address;x\r\nSEP001122334455;1\r\nCSFolga;\r\n",
		"a list of strings":      "device,auth_string\nSEP001122334455,1\nCSFolga,2\n",
		"JSON":                   "[{\"name\":\"SEP001122334455\",\"pool\":\"Berlin\"},\n{\"name\":\"CSFolga\"}]\n",
	} {
		got, err := bulk.ReadNames([]byte(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for name, test := range map[string]struct{ text, want string }{
		"nothing":              {"", "it names no device"},
		"only comments":        {"# SEP001122334455\n\n", "it names no device"},
		"only a header":        {"Device Name,Pool\n", "it names no device"},
		"no column of names":   {"Phone,Pool\nSEP001122334455,Berlin\n", `no column "Device Name"`},
		"names twice":          {"Name;Device Name\na;b\n", `"Name" and "Device Name" are the same`},
		"UTF-16 that is none":  {"\xff\xfeS", "not utf-16le"},
		"NUL bytes":            {"CSFolga\x00\n", "NUL bytes"},
		"Latin-1":              {"CSFm\xfcller\n", "not UTF-8"},
		"a spreadsheet":        {"PK\x03\x04", "a spreadsheet"},
		"a quote that is open": {"name,pool\n\"CSFolga,\n", "is missing"},
	} {
		if got, err := bulk.ReadNames([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// FuzzReadNames: a list of any bytes is read or refused.
func FuzzReadNames(f *testing.F) {
	f.Add([]byte("SEP001122334455\n#x\n"))
	f.Add([]byte("sep=;\nname;pool\n\"a\";b\n"))
	f.Add([]byte("[{\"name\":\"x\"}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := bulk.ReadNames(data)
		if (err == nil) != (len(names) > 0) || slices.Contains(names, "") {
			t.Errorf("%q, %v", names, err)
		}
	})
}
