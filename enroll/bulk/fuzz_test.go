package bulk

import (
	"strings"
	"testing"
	"time"

	"capf/enroll/devices"
)

// FuzzCSV: of each row of a file there is either a device or a problem with
// its line, and a file is good or refused.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		strings.Join(CSVHeader(), ",") + "\nSEP001122334455,\"a \"\"b\"\"\",8861,p,nonsecure,two-stack,install,auth-string,123456,rsa,2048,256,+10d\n",
		"\xef\xbb\xbfDevice Name;Description\r\n001122334455;'=1+1\r\nSEP001122334455;\"two\nlines\"\r\n", "name\n1.2E+11\n\n   \n\xff\n\"",
		"MAC ADDRESS,LOCATION,Device Type,IP ADDRESSING MODE,DIRECTORY NUMBER 1,\r\n0011.2233.4455,x,Cisco 8861,IPv4 Only,1,\r\n", "\xff\xfen\x00a\x00m\x00e\x00\n\x00x\x00",
		"Device Name,name\na,b\n", "sep=;\r\nname;pool\r\nx\r\n", "name\tpool\nx\ty\n", "[\n{\"name\":\"x\",\"rsa_bits\":2048,\"pool\":null}\n,{}]", "[{",
		"version: 1\ndevices:\n  - name: 00:11:22:33:44:55\n    auth-string: 0123\n    pool:\n  - {name: x, operation: install}\n", "---\ndevices: [a, {name: [b]}]\n", "{\"version\": 1, \"devices\": []}", "\xff\xfea\x00", "PK\x03\x04", "", "Device Name,Operation Completes By\nx,2027:01:31:18\ny,2027-01-31T18:00:00Z,z\n",
	} {
		f.Add([]byte(seed))
	}
	now := time.Date(2027, 1, 31, 18, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := OpenFile(data, Reading{IgnoreUnknown: len(data)%2 == 0, Encoding: map[bool]string{true: "windows-1252"}[len(data)%3 == 0]})
		if err != nil {
			return
		}
		problems := 0
		s, err := file.Scan(now, func(string) bool { return false }, func(p Problem) {
			problems++
			if p.Text == "" || p.Line < 1 || p.Column < 1 {
				t.Errorf("the problem %+v", p)
			}
		})
		if err != nil {
			t.Fatalf("a header that is read once: %v", err)
		}
		found, names := 0, map[string]bool{}
		for {
			r, ok := s.Next()
			if !ok {
				break
			}
			found++
			key := strings.ToLower(r.Name)
			if r.Name == "" || r.Line < 1 || names[key] {
				t.Errorf("the device %q in line %d", r.Name, r.Line)
			}
			names[key] = true
			if r.Edit.String != nil && !devices.IsAuthString(*r.Edit.String) {
				t.Error("a string that is none")
			}
		}
		if found+problems < s.Rows {
			t.Errorf("%d rows came to %d devices and %d problems", s.Rows, found, problems)
		}
	})
}
