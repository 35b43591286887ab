package commands

import (
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// runScript runs a script of ours as capf runs apply_config_command, with a folder in
// front of PATH, and returns its output and exit code.
func runScript(t *testing.T, bin, name string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../scripts/"+name, args...)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestApplyConfigAsterisk: the script asks Asterisk's command line for the NOTIFY, and
// tells by its words whether that was done, since the exit code does not. The stand-in
// says what Asterisk's source has it say.
func TestApplyConfigAsterisk(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	check(t, os.WriteFile(filepath.Join(bin, "asterisk"), []byte(`#!/bin/sh
printf '%s\n' "$#" "$@" >`+bin+`/args
case $2 in
*" away") echo "Unable to connect to remote asterisk (does /var/run/asterisk/asterisk.ctl exist?)"; exit 1 ;;
*" gone") echo "Sending NOTIFY of type 'cisco-restart' to 'gone'"; echo "Unable to retrieve endpoint gone" ;;
*" untyped") echo "Unable to find notify type 'cisco-restart'" ;;
*" nosip") echo "No such command '$2' (type 'core show help' for other possible commands)" ;;
*" mute") ;;
*) echo "Sending NOTIFY of type 'cisco-restart' to '${2##* }'" ;;
esac
`), 0o700))
	peers := filepath.Join(bin, "peers")
	check(t, os.WriteFile(peers, []byte("# device peer\n\nSEP001122334455 1001\nSEP001122334466\t2002@site\nbad 'x\n"), 0o600))
	broken := filepath.Join(bin, "broken")
	check(t, os.WriteFile(broken, []byte("SEP001122334455\n"), 0o600))
	for _, test := range []struct {
		args    []string
		exit    int
		says    string
		command string // that Asterisk got; "" when it was not asked
	}{
		{[]string{"pjsip", "SEP001122334455"}, 0, "Sending NOTIFY", "pjsip send notify cisco-restart endpoint SEP001122334455"},
		{[]string{"chan_sip", "SEP001122334455"}, 0, "Sending NOTIFY", "sip notify cisco-restart SEP001122334455"},
		{[]string{"pjsip", "sep001122334455", peers}, 0, "to '1001'", "pjsip send notify cisco-restart endpoint 1001"},
		{[]string{"pjsip", "SEP001122334466", peers}, 0, "to '2002@site'", "pjsip send notify cisco-restart endpoint 2002@site"},
		{[]string{"pjsip", "SEP00112233447", peers}, 67, "has no line for SEP00112233447", ""},
		{[]string{"pjsip", "bad", peers}, 65, "is no name of a peer", ""},
		{[]string{"pjsip", "SEP001122334455", broken}, 65, "line 1 is not DEVICE PEER", ""},
		{[]string{"pjsip", "SEP001122334455", peers + "-none"}, 66, "cannot be read", ""},
		{[]string{"pjsip", "away"}, 69, "Unable to connect to remote asterisk", "pjsip send notify cisco-restart endpoint away"},
		{[]string{"pjsip", "gone"}, 1, "asterisk: Unable to retrieve endpoint gone", "pjsip send notify cisco-restart endpoint gone"},
		{[]string{"chan_sip", "untyped"}, 1, "asterisk: Unable to find notify type", "sip notify cisco-restart untyped"},
		{[]string{"chan_sip", "nosip"}, 1, "asterisk: No such command", "sip notify cisco-restart nosip"},
		{[]string{"pjsip", "mute"}, 1, "it said nothing", "pjsip send notify cisco-restart endpoint mute"},
		{[]string{"pjsip", "a b"}, 65, "is no name of a peer", ""},
		{[]string{"pjsip", "a\ncore stop now"}, 65, "is no name of a peer", ""},
		{[]string{"pjsip", "-rx"}, 65, "is no name of a peer", ""},
		{[]string{"pjsip", ""}, 65, "is no name of a peer", ""},
		{[]string{"sccp", "SEP001122334455"}, 64, "is not pjsip or chan_sip", ""},
		{[]string{"pjsip"}, 64, "usage:", ""},
	} {
		args := filepath.Join(bin, "args")
		_ = os.Remove(args)
		out, exit := runScript(t, bin, "apply-config-asterisk.sh", test.args...)
		if exit != test.exit || !strings.Contains(out, test.says) {
			t.Errorf("%q: exit code %d, and\n%s", test.args, exit, out)
		}
		got, _ := os.ReadFile(args)
		want := ""
		if test.command != "" {
			want = "2\n-rx\n" + test.command + "\n"
		}
		if string(got) != want {
			t.Errorf("%q: asterisk got %q", test.args, got)
		}
	}
}

// axl stands in for the vendor's server: what its guide says of requests and answers.
type axl struct {
	t        *testing.T
	mu       sync.Mutex // guards the rest
	asked    int
	phone    string
	throttle int // answers 503 so often first
}

// begin forgets what was asked, and says how often the next answer is 503.
func (a *axl) begin(throttle int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.throttle = 0, throttle
}

// seen is how often it was asked since, and for which phone last.
func (a *axl) seen() (asked int, phone string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked, a.phone
}

func (a *axl) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	answer := func(code int, body string) {
		w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
		w.WriteHeader(code)
		io.WriteString(w, `<?xml version='1.0' encoding='UTF-8'?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>`+body+`</soapenv:Body></soapenv:Envelope>`)
	}
	user, password, _ := r.BasicAuth()
	var envelope struct {
		Body struct {
			Apply struct {
				XMLName xml.Name
				Name    string `xml:"name"`
			} `xml:"applyPhone"`
		}
	}
	if err := xml.NewDecoder(r.Body).Decode(&envelope); err != nil {
		a.t.Errorf("the request: %v", err)
	}
	name := envelope.Body.Apply.Name
	a.phone = name
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(name)) // into memory
	space := envelope.Body.Apply.XMLName.Space
	version := strings.TrimPrefix(space, "http://www.cisco.com/AXL/API/")
	if r.Method != http.MethodPost || r.URL.Path != "/axl/" || r.Header.Get("SOAPAction") != `"CUCM:DB ver=`+version+` applyPhone"` || version == space {
		a.t.Errorf("%s %s, SOAPAction %s, namespace %s", r.Method, r.URL.Path, r.Header.Get("SOAPAction"), space)
	}
	switch {
	case a.throttle > 0:
		a.throttle--
		w.WriteHeader(http.StatusServiceUnavailable)
	case user != "capf-axl" || password != `p "a\ss: wörd`:
		w.WriteHeader(http.StatusUnauthorized)
	case version == "1.0":
		w.WriteHeader(599)
	case name == "elsewhere":
		answer(200, "<ns:getPhoneResponse/>")
	case name != "SEP001122334455":
		answer(500, "<soapenv:Fault><faultcode>soapenv:Server</faultcode><faultstring>Item not valid: &quot;"+escaped.String()+"&quot; was not found</faultstring>\n<detail><axlError><axlcode>5007</axlcode><axlmessage>not found</axlmessage><request>applyPhone</request></axlError></detail></soapenv:Fault>")
	default:
		answer(200, `<ns:applyPhoneResponse xmlns:ns="`+space+`"><return>{0B2F8A5C-0000-0000-0000-000000000000}</return></ns:applyPhoneResponse>`)
	}
}

// TestApplyConfigAXL: the script asks a server whose certificate it trusts, and nobody
// else; the password is in no argument; a fault is shown in the server's words.
func TestApplyConfigAXL(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is missing; scripts/need.sh curl installs it")
	}
	dir := t.TempDir()
	server := &axl{t: t}
	web := httptest.NewUnstartedServer(server)
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // it is turned down below
	web.StartTLS()
	defer web.Close()
	ca := filepath.Join(dir, "ca.pem")
	check(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o644))
	curl, err := exec.LookPath("curl")
	check(t, err)
	// A curl that shows its arguments, as ps would.
	check(t, os.WriteFile(filepath.Join(dir, "curl"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\" >>"+dir+"/args\nexec "+curl+" \"$@\"\n"), 0o700))
	host := strings.TrimPrefix(web.URL, "https://")
	const login = "user=capf-axl\npassword=p \"a\\ss: wörd\n"
	good := "# AXL\nhost=" + host + "\n" + login + "ca=" + ca + "\n"
	for i, test := range []struct {
		settings, device string
		throttle         int
		exit             int
		says             string
		asked            int
	}{
		{good, "SEP001122334455", 0, 0, "applied the configuration of SEP001122334455\n", 1},
		{strings.ReplaceAll(good, "\n", "\r\n") + "version=14.0", "SEP001122334455", 0, 0, "applied", 1},
		{good, "SEP001122334455", 1, 0, "applied", 2},
		{good, `<x>&"'`, 0, 1, `AXL (5007): Item not valid: "<x>&"'" was not found`, 1},
		{good, "elsewhere", 0, 69, "not to applyPhone", 1},
		{strings.Replace(good, "wörd", "word", 1), "SEP001122334455", 0, 77, "does not take the user capf-axl: 401", 1},
		{good + "version=1.0\n", "SEP001122334455", 0, 65, "does not speak version 1.0", 1},
		{strings.Replace(good, "ca=", "#ca=", 1), "SEP001122334455", 0, 69, "curl: (60)", 0},
		{strings.Replace(good, "127.0.0.1:", "localhost:", 1), "SEP001122334455", 0, 69, "curl: (60)", 0}, // another name than the certificate's
		{"host=127.0.0.1:1\n" + login, "SEP001122334455", 0, 69, "curl: (7)", 0},
		{"host=a b\n" + login, "SEP001122334455", 0, 65, "host= is not a name", 0},
		{"host=" + host + "\n", "SEP001122334455", 0, 65, "has no user=", 0},
		{good + "hunter2\n", "SEP001122334455", 0, 65, "a line that is not host=", 0},
		{good + "version=1;2\n", "SEP001122334455", 0, 65, "is not a version", 0},
	} {
		settings := filepath.Join(dir, fmt.Sprint("axl", i))
		check(t, os.WriteFile(settings, []byte(test.settings), 0o600))
		server.begin(test.throttle)
		out, exit := runScript(t, dir, "apply-config-axl.sh", settings, test.device)
		asked, phone := server.seen()
		if exit != test.exit || !strings.Contains(out, test.says) || asked != test.asked {
			t.Errorf("%q of\n%s: exit code %d, asked %d times, and\n%s", test.device, test.settings, exit, asked, out)
		}
		if test.asked > 0 && phone != test.device {
			t.Errorf("the server read %q, not %q", phone, test.device)
		}
		if strings.Contains(out, "wörd") || strings.Contains(out, "hunter2") {
			t.Errorf("a secret is shown:\n%s", out)
		}
	}
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	check(t, err)
	if strings.Contains(string(args), "wörd") || strings.Contains(string(args), "capf-axl") {
		t.Errorf("curl's arguments have the login:\n%s", args)
	}
	open := filepath.Join(dir, "open")
	check(t, os.WriteFile(open, []byte(good), 0o600))
	check(t, os.Chmod(open, 0o640))
	if out, exit := runScript(t, dir, "apply-config-axl.sh", open, "SEP001122334455"); exit != 77 || !strings.Contains(out, "chmod 600") {
		t.Errorf("a file that others can read: exit code %d, and\n%s", exit, out)
	}
}
