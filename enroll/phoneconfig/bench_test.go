package phoneconfig

import (
	"bytes"
	"strings"
	"testing"
)

// BenchmarkMerge is what a request for a configuration file costs.
func BenchmarkMerge(b *testing.B) {
	filler := strings.Repeat("\t<someSetting><name>value</name><flag>true</flag></someSetting>\n", 250)
	file := bytes.Replace([]byte(already), []byte("</device>"), []byte(filler+"</device>"), 1)
	e := sample()
	e.AuthMode = ByMIC
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := Merge(file, e); err != nil {
			b.Fatal(err)
		}
	}
}
