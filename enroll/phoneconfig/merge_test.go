package phoneconfig

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"capf/enroll/trustlist"
	"capf/internal/apperr"
)

// sample are elements unlike those of any file in these tests.
func sample() Elements {
	return Elements{
		FullConfig: true, SecurityMode: Encrypted, Transport: TLS, AuthMode: ByLSC,
		CAPF:     []Server{{"192.0.2.1", 3804}, {"capf.example.com", 3805}},
		CertHash: "19448367ef15f0948be70d91086543fb",
	}
}

const inFile = `	<deviceSecurityMode>3</deviceSecurityMode>
	<transportLayerProtocol>3</transportLayerProtocol>
	<capfAuthMode>3</capfAuthMode>
	<capfList>
		<capf>
			<phonePort>3804</phonePort>
			<processNodeName>192.0.2.1</processNodeName>
		</capf>
		<capf>
			<phonePort>3805</phonePort>
			<processNodeName>capf.example.com</processNodeName>
		</capf>
	</capfList>
	<certHash>19448367ef15f0948be70d91086543fb</certHash>
	<encrConfig>false</encrConfig>
`

func TestMerge(t *testing.T) {
	eap := EAPEnabled
	for name, c := range map[string]struct {
		file, want string
		change     func(*Elements)
	}{
		"a file without any of them": {
			file: "<?xml version=\"1.0\"?>\n<device>\n\t<deviceProtocol>SIP</deviceProtocol>\n</device>\n",
			want: "<?xml version=\"1.0\"?>\n<device>\n\t<fullConfig>true</fullConfig>\n\t<deviceProtocol>SIP</deviceProtocol>\n" + inFile + "</device>\n",
		},
		"an empty root, written as one tag": {
			file: "<device/>\n",
			want: strings.ReplaceAll(already, "\t", "  "),
		},
		"an empty root, written as two tags": {
			file: "<device></device>\n",
			want: strings.ReplaceAll(already, "\t", "  "),
		},
		"a file of one line stays one": {
			file: `<device><fullConfig>true</fullConfig><capfAuthMode>0</capfAuthMode><capfList/></device>`,
			want: `<device><fullConfig>true</fullConfig><deviceSecurityMode>3</deviceSecurityMode><transportLayerProtocol>3</transportLayerProtocol><capfAuthMode>3</capfAuthMode>` +
				`<capfList><capf><phonePort>3804</phonePort><processNodeName>192.0.2.1</processNodeName></capf><capf><phonePort>3805</phonePort><processNodeName>capf.example.com</processNodeName></capf></capfList>` +
				`<certHash>19448367ef15f0948be70d91086543fb</certHash><encrConfig>false</encrConfig></device>`,
		},
		"comments, attributes, CDATA and odd tags stay": {
			file: "<device a='1'>\n <!-- <capfAuthMode>0</capfAuthMode> -->\n <fullConfig>true</fullConfig>\n" +
				" <x><![CDATA[<capfAuthMode>1</capfAuthMode>]]></x> <p:certHash xmlns:p='q'>z</p:certHash>\n" +
				" <capfAuthMode ctiid=\"7\"><!-- old --><![CDATA[0]]><!-- older --></capfAuthMode > <!-- by hand -->\n" +
				" <certHash\tq='1' />\n <encrConfig> false\n </encrConfig>\n <capfList>\n  <!-- ours -->\n  <capf><processNodeName>capf.example.com</processNodeName></capf>\n  <capf>\n   <phonePort>1</phonePort>\n   <x/>\n   <processNodeName/>\n  </capf>\n  <capf><phonePort>3</phonePort></capf>\n </capfList>\n" +
				" <transportLayerProtocol>3</transportLayerProtocol>\n <deviceSecurityMode>3</deviceSecurityMode>\n</device>",
			want: "<device a='1'>\n <!-- <capfAuthMode>0</capfAuthMode> -->\n <fullConfig>true</fullConfig>\n" +
				" <x><![CDATA[<capfAuthMode>1</capfAuthMode>]]></x> <p:certHash xmlns:p='q'>z</p:certHash>\n" +
				" <capfAuthMode ctiid=\"7\"><!-- old -->3<!-- older --></capfAuthMode > <!-- by hand -->\n" +
				" <certHash\tq='1'>19448367ef15f0948be70d91086543fb</certHash>\n <encrConfig> false\n </encrConfig>\n <capfList>\n  <!-- ours -->\n  <capf><phonePort>3804</phonePort><processNodeName>192.0.2.1</processNodeName></capf>\n  <capf>\n   <phonePort>3805</phonePort>\n   <x/>\n   <processNodeName>capf.example.com</processNodeName>\n  </capf>\n </capfList>\n" +
				" <transportLayerProtocol>3</transportLayerProtocol>\n <deviceSecurityMode>3</deviceSecurityMode>\n</device>",
		},
		"an element stands twice": {
			file:   strings.Replace(already, "<capfAuthMode>3", "<capfAuthMode>1</capfAuthMode><capfAuthMode>3", 1),
			want:   strings.Replace(already, "<capfAuthMode>3", "<capfAuthMode>3</capfAuthMode><capfAuthMode>3", 1),
			change: func(*Elements) {},
		},
		"a phone without TLS keeps its protocol": {
			file:   "<device>\n\t<fullConfig>true</fullConfig>\n" + strings.Replace(inFile, "Protocol>3", "Protocol>4", 1) + "</device>\n",
			want:   "<device>\n\t<fullConfig>true</fullConfig>\n" + strings.NewReplacer("Protocol>3", "Protocol>4", "SecurityMode>3", "SecurityMode>1").Replace(inFile) + "</device>\n",
			change: func(e *Elements) { e.SecurityMode, e.Transport = Nonsecure, TCP },
		},
		"a phone that had TLS goes back to TCP": {
			file:   already,
			want:   strings.NewReplacer("Protocol>3", "Protocol>1", "SecurityMode>3", "SecurityMode>1").Replace(already),
			change: func(e *Elements) { e.SecurityMode, e.Transport = Nonsecure, TCP },
		},
		"the companion of an encrypted file stays one": {
			file:   "<device>\n  <fullConfig>false</fullConfig>\n  <capfAuthMode>0</capfAuthMode>\n  <certHash/>\n  <encrConfig>true</encrConfig>\n</device>\n",
			want:   "<device>\n  <fullConfig>false</fullConfig>\n  <capfAuthMode>3</capfAuthMode>\n  <capfList>\n    <capf>\n      <phonePort>3804</phonePort>\n      <processNodeName>192.0.2.1</processNodeName>\n    </capf>\n  </capfList>\n  <certHash>19448367ef15f0948be70d91086543fb</certHash>\n  <encrConfig>true</encrConfig>\n</device>\n",
			change: func(e *Elements) { e.CAPF = e.CAPF[:1] },
		},
		"TVS behind the device pool, 802.1X among the settings of the model": {
			file: strings.Replace(already, "</fullConfig>\n", "</fullConfig>\n\t<devicePool>\n\t</devicePool>\n\t<vendorConfig>\n\t\t<webAccess>1</webAccess> <!-- off -->\n\t</vendorConfig>\n", 1),
			want: strings.Replace(already, "</fullConfig>\n", "</fullConfig>\n\t<devicePool>\n\t</devicePool>\n\t<TVS>\n\t\t<members>\n\t\t\t<member priority=\"0\">\n\t\t\t\t<port>2445</port>\n\t\t\t\t<address>192.0.2.1</address>\n\t\t\t</member>\n\t\t</members>\n\t</TVS>\n"+
				"\t<vendorConfig>\n\t\t<webAccess>1</webAccess> <!-- off -->\n\t\t<eapAuthentication>2</eapAuthentication>\n\t</vendorConfig>\n", 1),
			change: func(e *Elements) { e.TVS, e.EAP = []Server{{"192.0.2.1", 2445}}, &eap },
		},
		"802.1X where the file has it": {
			file:   strings.Replace(already, "</fullConfig>\n", "</fullConfig>\n\t<eapAuthentication>1</eapAuthentication>\n", 1),
			want:   strings.Replace(already, "</fullConfig>\n", "</fullConfig>\n\t<eapAuthentication>2</eapAuthentication>\n", 1),
			change: func(e *Elements) { e.EAP = &eap },
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := sample()
			if c.change != nil {
				c.change(&e)
			}
			check(t, c.file, c.want, e)
		})
	}
}

// already is a file that has the sample.
const already = "<device>\n\t<fullConfig>true</fullConfig>\n" + inFile + "</device>\n"

// check merges a file, also with the newlines of Windows, a byte order mark and in an encoding
// of old, and expects that it then is what is wanted, and stays so.
func check(t *testing.T, file, want string, e Elements) {
	t.Helper()
	for _, form := range []func(string) string{
		func(s string) string { return s },
		func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		func(s string) string { return "\xef\xbb\xbf" + s },
		func(s string) string {
			if _, rest, said := strings.Cut(s, "?>\n"); said {
				s = rest
			}
			return "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n" + s + "<!-- Gr\xfc\xdfe -->\n"
		},
	} {
		got, err := Merge([]byte(form(file)), e)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != form(want) {
			t.Errorf("%q becomes\n%q, not\n%q", form(file), got, form(want))
		}
		again, changes, err := MergeAndTell(got, e)
		if err != nil || !bytes.Equal(again, got) || len(changes) > 0 {
			t.Errorf("the second time it becomes %q, with the changes %v, %v", again, changes, err)
		}
	}
}

func TestMergeTellsWhatItChanges(t *testing.T) {
	file := "<device>\n<fullConfig>true</fullConfig>\n<deviceSecurityMode>1</deviceSecurityMode>\n<transportLayerProtocol>3</transportLayerProtocol>\n" +
		"<capfList><capf><phonePort>3804</phonePort><processNodeName>a</processNodeName></capf><capf><phonePort>1</phonePort><processNodeName>b</processNodeName></capf></capfList>\n" +
		"<certHash></certHash><encrConfig>false</encrConfig></device>"
	e := sample()
	e.CAPF = e.CAPF[:1]
	_, changes, err := MergeAndTell([]byte(file), e)
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{"deviceSecurityMode", "1", "3", false},
		{"capfList/capf/processNodeName", "a", "192.0.2.1", false},
		{"capfList/capf", "1 b", "", false},
		{"certHash", "", "19448367ef15f0948be70d91086543fb", false},
		{"capfAuthMode", "", "3", true},
	}
	if len(changes) != len(want) {
		t.Fatalf("the changes are %v", changes)
	}
	for i, c := range changes {
		if c != want[i] {
			t.Errorf("change %d is %v, not %v", i, c, want[i])
		}
	}
}

// TestWrongFiles has what a phone would not read, or what must not be followed.
func TestWrongFiles(t *testing.T) {
	utf16le := func(s string) string {
		var b bytes.Buffer
		binary.Write(&b, binary.LittleEndian, utf16.Encode([]rune(s)))
		return b.String()
	}
	for file, want := range map[string]string{
		"":                                   "it has no XML in it",
		"just text":                          "it has text outside of its root element",
		"<device><a></device>":               "it is not well-formed XML: line 1: element <a> closed by </device>",
		"<device>\n<a>\n<b>x":                "it is cut off: <b> is not closed at its end, in line 3",
		"<device":                            "it is cut off: the tag <device in line 1 does not end",
		"<Default></Default>":                `its root element is "Default", not device`,
		"<d:device xmlns:d='x'/>":            `its root element is "d:device", not device`,
		"<device/><device/>":                 "it has a second root element, device",
		"<device/>x":                         "it has text outside of its root element",
		"\n<?xml version='1.0'?>\n<device/>": "its XML declaration is not at its very beginning",
		"<?xml version='1.1'?><device/>":     `unsupported version "1.1"; only version 1.0 is supported`,
		"<!DOCTYPE device SYSTEM 'http://x/y'><device/>":               "it has a document type or entities of its own (<!DOCTYPE device SYSTE…), which are not followed",
		"<!DOCTYPE device [<!ENTITY a 'b'>]><device>&a;</device>":      "it has a document type or entities of its own (<!DOCTYPE device [<!EN…), which are not followed",
		"<device>&#0;</device>":                                        "line 1: invalid character entity &#0;: phones know &amp; &lt; &gt; &quot; &apos; and numbers alone",
		"<device><!-- a":                                               "it is cut off: the comment in line 1 does not end",
		"<device a=b/>":                                                "it is not well-formed XML: line 1: unquoted or missing attribute value in element",
		"<device a:b:c='d'/>":                                          "it is not well-formed XML: line 1: expected attribute name in element",
		"<device>&a;</device>":                                         "line 1: invalid character entity &a;: phones know &amp; &lt; &gt; &quot; &apos; and numbers alone",
		"<device><a>b & c</a></device>":                                "line 1: invalid character entity & (no semicolon): phones know &amp; &lt; &gt; &quot; &apos; and numbers alone",
		"<device>\x00</device>":                                        "it is not well-formed XML: line 1: illegal character code U+0000",
		"<device>\n\xfc</device>":                                      "the file is not UTF-8: line 2 has the byte 0xfc",
		"<?xml version='1.0' encoding='UTF-16'?><device/>":             `it says that it is in "UTF-16"`,
		"<?xml version='1.0' encoding='Shift_JIS'?><device/>":          `it says that it is in "Shift_JIS"`,
		"\xef\xbb\xbf<?xml version='1.0' encoding='latin1'?><device/>": `it begins with the mark of UTF-8 and says that it is in "latin1"`,
		utf16le("\ufeff<device/>"):                                     "it is in UTF-16 or UTF-32",
		utf16le("<device/>"):                                           "it is in UTF-16 or UTF-32",
		"<device><capfAuthMode>1<b>2</b></capfAuthMode></device>":      "its element capfAuthMode has other elements in it, such as b",
		"<device>" + strings.Repeat("<!-- 012345678901234567890123456789 -->\n", 300000) + "</device>": "it has more than 2048 KB, the most that a phone takes",
		"<device>" + strings.Repeat(" ", trustlist.MaxFile-17) + "</device>":                           "with its elements it would have more than 2048 KB, the most that a phone takes",
	} {
		_, err := Merge([]byte(file), sample())
		if err == nil || err.Error() != want || !errors.Is(err, apperr.ErrRefused) {
			t.Errorf("%.60q: %v, not %s", file, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	file, err := os.ReadFile("testdata/SEP001122334455.cnf.xml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.AuthMode != ByNullString || len(c.CAPF) != 1 || c.CAPF[0] != (Server{"capf.example.com", 3804}) || c.SecurityMode != Encrypted || c.Transport != TLS ||
		!c.FullConfig || c.Encrypted || c.CertHash != "" || c.LoadInformation != "sip88xx.14-2-1-0001-125" || c.IPAddressMode != "0" || c.DeviceProtocol != "SIP" || c.EAP != nil || c.TVS != nil || c.Faults != nil {
		t.Errorf("it is read as %+v", c)
	}
	c, err = Parse([]byte("<?xml version='1.0' encoding='latin1'?><device><capfAuthMode> <![CDATA[4]]></capfAuthMode><loadInformation>a&amp;b\xfc</loadInformation><certHash/><certHash>0A</certHash><encrConfig>yes</encrConfig>" +
		"<capfList><capf/><capf><phonePort>70000</phonePort><processNodeName>x</processNodeName></capf></capfList><deviceSecurityMode>9</deviceSecurityMode>" +
		"<TVS><members><member priority='0'><address>::1</address><port>2445</port></member></members></TVS><vendorConfig><eapAuthentication>2</eapAuthentication></vendorConfig></device>"))
	if err != nil {
		t.Fatal(err)
	}
	if c.AuthMode != ByMIC || c.LoadInformation != "a&bü" || c.CertHash != "0A" || c.Encrypted || len(c.CAPF) != 1 || c.CAPF[0] != (Server{"x", 0}) || c.TVS[0] != (Server{"::1", 2445}) || *c.EAP != EAPEnabled {
		t.Errorf("it is read as %+v", c)
	}
	faults := strings.Join(c.Faults, "\n")
	if want := "deviceSecurityMode is \"9\", not a number from 0 to 3\nphonePort is \"70000\", not a number from 1 to 65535\ncertHash stands there 2 times, with different values\nencrConfig is \"yes\", not true or false"; faults != want {
		t.Errorf("its faults are\n%s\nnot\n%s", faults, want)
	}
}

// FuzzMerge holds what a merge promises against any file: it is read as it was merged, a
// second time changes nothing, and all the rest is there.
func FuzzMerge(f *testing.F) {
	for _, name := range []string{"testdata/SEP001122334455.cnf.xml"} {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add([]byte(already))
	f.Add([]byte("\xef\xbb\xbf<device>\r\n <capfList/>\r\n <TVS><members><member/></members></TVS></device>"))
	f.Add([]byte("<?xml version='1.0' encoding='latin1'?><device><capfAuthMode><!-- x --><![CDATA[\xff]]></capfAuthMode><capfList><capf/><capf/><capf/></capfList></device>"))
	f.Fuzz(func(t *testing.T, file []byte) {
		before, err := Parse(file)
		if err == nil {
			readByOthers(t, file)
		}
		eap := EAPDisabled
		e := sample()
		e.TVS, e.EAP = []Server{{"192.0.2.1", 2445}}, &eap
		merged, mergeErr := Merge(file, e)
		if err != nil || mergeErr != nil {
			return
		}
		again, changes, err := MergeAndTell(merged, e)
		if err != nil || !bytes.Equal(again, merged) || len(changes) > 0 {
			t.Fatalf("%q becomes %q, and then %q: %v, %v", file, merged, again, changes, err)
		}
		after, err := Parse(merged)
		if err != nil {
			t.Fatal(err)
		}
		if after.AuthMode != e.AuthMode || !slices.Equal(after.CAPF, e.CAPF) || after.CertHash != e.CertHash || len(after.Faults) > len(before.Faults) {
			t.Errorf("%q becomes %q, which is read as %+v", file, merged, after)
		}
		if a, b := others(t, file), others(t, merged); a != b {
			t.Errorf("%q is, but for our elements, %q, and then %q", file, a, b)
		}
	})
}

// others is everything in a file but the elements that are merged.
func others(t *testing.T, file []byte) string {
	t.Helper()
	d, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	ours := []string{"fullConfig", "vendorConfig", "TVS", "deviceSecurityMode", "transportLayerProtocol", "capfAuthMode", "capfList", "certHash", "encrConfig", "eapAuthentication"}
	text := string(file[:d.root.start])
	for _, e := range d.root.inside {
		if !slices.Contains(ours, e.name) {
			text += string(file[e.start:e.end])
		}
	}
	return text + string(file[d.root.end:])
}

// readByOthers holds that what is read as well-formed is so for the decoder of the standard
// library, for what that can say.
func readByOthers(t *testing.T, file []byte) {
	t.Helper()
	ascii := bytes.TrimPrefix(bytes.Clone(file), byteOrderMark)
	for i, c := range ascii {
		if c >= 0x80 {
			ascii[i] = 'x'
		}
	}
	d := xml.NewDecoder(bytes.NewReader(ascii))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%q is not well-formed: %v", file, err)
		}
	}
}
