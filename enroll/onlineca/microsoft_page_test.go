package onlineca

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, page string
		want       page
	}{
		{"quoted ids", `<p id="locInfoReqID">Number 12.</p>`, page{kind: pagePending, requestID: "12"}},
		{"id before a blank", `<P ID=locInfoReqID class=x> 12 `, page{kind: pagePending, requestID: "12"}},
		{"number in a tag", `<P ID=locInfoReqID>is <B>12</B>.`, page{kind: pagePending, requestID: "12"}},
		{"number cut off", `<P ID=locInfoReqID>is 12`, page{kind: pageUnknown, words: "is 12"}},
		{"number of the next element", `<P ID=locInfoReqID>none <P ID=locInstructions> 10 days`, page{kind: pageUnknown, words: "none 10 days"}},
		{"denied though it has a link", `<b ID=locDenied></b> certnew.cer?ReqID=3&amp;Enc=b64`, page{kind: pageDenied}},
		{"issued in a script", `<script>function go(){location="certnew.cer?ReqID=3&"+getEncoding();}</script>`, page{kind: pageIssued, requestID: "3"}},
		{"issued in a script, other quotes and case", `<SCRIPT>LOCATION='CERTNEW.CER?REQID=3&amp;Enc='+e</SCRIPT>`, page{kind: pageIssued, requestID: "3"}},
		{"issued in a script, nothing behind", `<script>x="certnew.cer?ReqID=3"</script>`, page{kind: pageIssued, requestID: "3"}},
		{"issued in an open script", `<script> certnew.cer?ReqID=3&amp;Enc=b64`, page{kind: pageIssued, requestID: "3"}},
		{"number cut off in a script", `<script>location="certnew.cer?ReqID=3`, page{kind: pageUnknown}},
		{"a script that would make it", `<script>location="certnew.cer?ReqID="+nReqID+"&Enc=b64"</script>`, page{kind: pageUnknown}},
		{"a link before a script", `<script>"certnew.cer?ReqID=3&"</script><a href="certnew.cer?ReqID=4&Enc=bin">`, page{kind: pageIssued, requestID: "4"}},
		{"denied in spite of a script", `<script>"certnew.cer?ReqID=3&"</script><b ID=locDenied></b>`, page{kind: pageDenied}},
		{"pending in spite of a script", `<script>"certnew.cer?ReqID=3&"</script><P ID=locInfoReqID>is 12.`, page{kind: pagePending, requestID: "12"}},
		{"denied in a script", `<script>"<b ID=locDenied>"; "certnew.cer?ReqID=3&"</script>`, page{kind: pageIssued, requestID: "3"}},
		{"issued after a script", `<script></script >certnew.cer?ReqID=3&Enc=b64`, page{kind: pageIssued, requestID: "3"}},
		{"a number too long", `certnew.cer?ReqID=12345678901&Enc=`, page{kind: pageUnknown, words: "certnew.cer?ReqID=12345678901&Enc="}},
		{"disposition 5", `5 <LocID ID=locDispSpacer>`, page{kind: pagePending}},
		{"disposition 2", `0x00000002<LocID ID=locDispSpacer><TD ID=locLastStatLabel>x<TD>0x80094014`, page{kind: pageDenied, code: "0x80094014"}},
		{"disposition 25", `25<LocID ID=locDispSpacer>`, page{kind: pageFailed}},
		{"a list", `<DL><DT ID=locDispMsgLabel>Message:</DT><DD>no such template</DD><DT ID=locLastStatLabel>Status:</DT><DD>text 0x80094800 (WIN32)</DD></DL>`,
			page{kind: pageFailed, code: "0x80094800", words: "no such template"}},
		{"a list without ends", `<dl><dt id="locDispMsgLabel">m<dd>no<dt id="locLastStatLabel">s<dd>0x80094800`, page{kind: pageFailed, code: "0x80094800", words: "no"}},
		{"a cell with an id", `<TR><TD ID=locDispMsgLabel>m</TD><TD ID=x>no</TD></TR><TR><TD>0x80094800`, page{kind: pageFailed, words: "no"}},
		{"code in the result", `<TR><TD ID=locLastStatLabel>s</TD><TD>0x0</TD></TR><TR><TD ID=locResultLabel>r</TD><TD>0x80094801</TD></TR>`,
			page{kind: pageFailed, code: "0x80094801", words: "0x80094801"}},
		{"code in the information", `<DT ID=locComInfoLabel>c</DT><DD>Denied by Policy Module 0x80094012</DD>`,
			page{kind: pageFailed, code: "0x80094012", words: "Denied by Policy Module 0x80094012"}},
		{"the first code", `<DT ID=locComInfoLabel>c<DD>0x80094012<DT ID=locLastStatLabel>s<DD>0x80094800`,
			page{kind: pageFailed, code: "0x80094800", words: "0x80094800"}},
		{"not reached", `<DT ID=locLastStatLabel>s<DD>0x80094005<DT ID=locComInfoLabel>c<DD>RPC 0x800706b5`,
			page{kind: pageFailed, code: "0x800706b5", words: "RPC 0x800706b5"}},
		{"no message", `<DL><DT ID=locDispMsgLabel>Message:</DT><DD>(none)</DD><DT ID=locResultLabel>Result:</DT><DD>The RPC server is unavailable. 0x800706ba (WIN32: 1722)</DD>` +
			`<DT ID=locLastStatLabel>Status:</DT><DD>The operation completed successfully. 0x0 (WIN32: 0)</DD></DL>`,
			page{kind: pageFailed, code: "0x800706ba", words: "The RPC server is unavailable. 0x800706ba (WIN32: 1722)"}},
		{"no message, in Japanese", `<DT ID=locDispMsgLabel>m<DD>（なし）<DT ID=locResultLabel>r<DD>x 0x80094800`, page{kind: pageFailed, code: "0x80094800", words: "x 0x80094800"}},
		{"empty", ``, page{kind: pageUnknown}},
	}
	for _, tc := range cases {
		got := classify([]byte(tc.page))
		if tc.name == "disposition 2" {
			got.words = ""
		}
		if got != tc.want {
			t.Errorf("%s: %+v, not %+v", tc.name, got, tc.want)
		}
	}
	long := "<title>A\nproxy</title><style>x{}</style>" + strings.Repeat("<b>word</b> ", 1000)
	if got := classify([]byte(long)).words; !strings.HasPrefix(got, "A proxy: ") || len([]rune(got)) > 240 {
		t.Errorf("%q", got)
	}
}

func FuzzClassify(f *testing.F) {
	for _, seed := range []string{
		`<P ID=locInfoReqID>is <B>12</B>.`, `<Font ID=locDenied><P ID=locInfoReqIDandReason>no 12. "x 0x80094800, y"`,
		`<A Href="certnew.cer?ReqID=47&amp;Enc=b64">`, `<TD ID=locDispLabel>D</TD><TD>5<LocID ID=locDispSpacer>x</TD><TD ID=locDispMsgLabel>m</TD><TD>t</TD>`,
		`<script>x</script><!-- y -->z`, "<title>\x00\xff</title>\x1b[2J", `<TD ID=locLastStatLabel><TD>0x80094012`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := classify(body)
		if p.requestID != "" && !requestIDs().MatchString(p.requestID) {
			t.Errorf("request id %q", p.requestID)
		}
		if p.kind == pageIssued && p.requestID == "" {
			t.Error("issued without a number")
		}
		if p.code != "" && len(p.code) != 10 {
			t.Errorf("code %q", p.code)
		}
		words := (&Config{}).words(p.words)
		if len([]rune(words)) > maxWords || strings.ContainsFunc(words, unicode.IsControl) {
			t.Errorf("words %q", words)
		}
		hidden := append(append([]byte("<script>"), bytes.ReplaceAll(body, []byte("<"), nil)...), "</script>"...)
		if p := classify(hidden); p.kind != pageUnknown && p.kind != pageIssued {
			t.Errorf("a script is read: %+v", p)
		}
	})
}
