package commands

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"capf/enroll/devices"
	"capf/store"
)

// awkward are texts that a spreadsheet, a parser or a guard may take for
// something else.
var awkward = []string{
	"1E5", "1,2E+11", "0012", "-", "+49 30", "=1+1", "'=1+1", "''=1+1", "'", "''", "'tis", "@home", "＝1", "'＠x", "sep=;", "a\tb", "\t=1",
	"null", "true", "[]", "{}", `"`, `""`, `\"`, ",", ";", ",;", " ", "  x  ", "\u00a0x", "x\u3000", "\ufeffx", "a\u2028b", "\u0085=1", "é", "e\u0301", "STRAẞE",
	"x'=", "x,y;z\"", "<&>", "%_*?", "\U0001f4de",
	"x;=1+1", "x,=1", "x|=1", "x;'=1", "x;\"=1", "x; =1", "x|'\"-1", "; ", "|", "\u202e", "\U000e0041", "\u200d",
	`\`, `\\`, `\x1b`, `\\x1b`, `\u202e`, `\u202E`, `\U000e0041`, `\xff`, `\u12`, `\n`, "\\\u202e", "u202e", "x1b",
}

func anyText(r *mathrand.Rand) string {
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString(awkward[r.IntN(len(awkward))])
	}
	return b.String()
}

func anyName(r *mathrand.Rand) string {
	const letters = "ABCDEFabcdef0123456789._-SEPsep"
	if r.IntN(4) == 0 {
		return []string{"SEP", "sep", ""}[r.IntN(3)] + strings.ToUpper(randomHex(r))
	}
	name := make([]byte, 1+r.IntN(16))
	for i := range name {
		name[i] = letters[r.IntN(len(letters))]
	}
	return string(name)
}

func randomHex(r *mathrand.Rand) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 12)
	for i := range b {
		b[i] = digits[r.IntN(len(digits))]
	}
	return string(b)
}

func pick[T any](r *mathrand.Rand, of ...T) *T { return &of[r.IntN(len(of))] }

func anyEdit(r *mathrand.Rand) devices.Edit {
	e := devices.Edit{
		Description: new(anyText(r)), Model: new(anyText(r)), Pool: new(anyText(r)),
		SecurityMode: pick(r, store.Nonsecure, store.Authenticated, store.Encrypted),
		IPMode:       pick(r, store.TwoStack, store.IPv4Only, store.IPv6Only),
		Operation:    pick(r, store.NoOperation, store.Install, store.Delete, store.Troubleshoot),
		AuthMode:     pick(r, store.ByString, store.ByNullString, store.ByLSCPrecedence, store.ByMICPrecedence),
		KeyOrder:     pick(r, store.RSAOnly, store.ECOnly, store.ECPreferred),
		RSABits:      pick(r, 512, 1024, 2048, 3072, 4096), ECBits: pick(r, 256, 384, 521),
	}
	if *e.Operation != store.NoOperation && r.IntN(2) == 0 {
		e.CompletesBy = new(devices.At(time.Now().Add(time.Hour + time.Duration(r.Int64N(int64(1000*time.Hour))))))
	}
	return e
}

// devicesOf are the devices of a database as a program reads them, without
// when they were changed.
func devicesOf(t *testing.T, dir string) []map[string]any {
	t.Helper()
	out, _ := good(t, dir, "device", "list", "--json")
	var all []map[string]any
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		delete(d, "updated_at")
	}
	return all
}

// TestThereAndBack: any device that can be stored goes through CSV and JSON
// unchanged, into the database that it comes from and into a new one.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good(t, dir, "init")
	s, err := store.Open(t.Context(), filepath.Join(dir, "capf.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rules := &devices.Rules{Store: s, Now: time.Now, Rand: rand.Reader}
	olga := store.Actor{Kind: store.Operator, Name: "olga"}
	seed := mathrand.Uint64()
	r := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	added := 0
	for _, text := range awkward { // each alone, besides those together
		d, _, err := rules.Add(t.Context(), olga, "CSF"+randomHex(r), devices.Edit{Description: &text, Model: &text, Pool: &text})
		if err != nil && !strings.Contains(text, "\t") {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && d.Description != strings.TrimSpace(text) {
			t.Errorf("%q is stored as %q", text, d.Description)
		}
	}
	for range 400 {
		if _, _, err := rules.Add(t.Context(), olga, anyName(r), anyEdit(r)); err == nil {
			added++
		}
	}
	if added < 100 {
		t.Fatalf("only %d devices can be stored", added)
	}
	var keys []string // also of the column that is shown sometimes only
	for _, c := range append(slices.Clone(selectedColumns), renewalColumn) {
		keys = append(keys, c.key)
	}
	header := filepath.Join(t.TempDir(), "header.csv")
	if err := os.WriteFile(header, []byte(strings.Join(keys, ",")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good(t, dir, "bulk", "insert", header)
	lists := [][]string{{"device", "list", "--csv"}, {"device", "list", "--json"}, {"bulk", "select", "--csv"}, {"bulk", "select", "--json"}}
	want := devicesOf(t, dir)
	for _, list := range lists {
		file, there := filepath.Join(t.TempDir(), "devices"), t.TempDir()
		out, _ := good(t, dir, list...)
		if strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }) && list[2] == "--csv" {
			t.Errorf("%v hides something:\n%q", list, out)
		}
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		good(t, there, "init")
		if code, out, said := ran(t, there, "bulk", "insert", file); code != 0 {
			t.Errorf("%v into a new database: %s%s", list, out, said)
		}
		got := devicesOf(t, there)
		for i := range want {
			if len(got) != len(want) || !maps.Equal(want[i], got[i]) {
				t.Fatalf("%v: %v came back as %v", list, want[i], got[min(i, len(got)-1)])
			}
		}
	}

	// What an earlier capf has let in, and what is late.
	for i, name := range []string{"001122334455", "SEP001122334455", "aabbccddeeff", "-x", "12345678", strings.Repeat("n", 100), "Sepaabbccddeef0", "SEP1234567890"} {
		d := store.Device{Name: name, Description: "  x" + awkward[i], Model: awkward[i] + "\u00a0", Pool: " ", SecurityMode: store.Nonsecure, IPMode: store.TwoStack,
			Operation: store.Install, AuthMode: store.ByNullString, KeyOrder: store.RSAOnly, RSABits: 2048, ECBits: 384,
			CompletesBy: time.Now().Add(-time.Hour), Status: store.Failed(store.Install, store.Late), Schedule: 1}
		if _, err := s.AddDevice(t.Context(), olga, d); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := good(t, dir, "device", "list", "--json")
	same := regexp.MustCompile(`: 0 added, 0 changed, [0-9]+ as they are\n$`)
	for _, list := range lists {
		file := filepath.Join(t.TempDir(), "devices")
		out, _ := good(t, dir, list...)
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, options := range [][]string{nil, {"--update"}} {
			code, out, said := ran(t, dir, slices.Concat([]string{"bulk", "insert", file, "--csv"}, options)...)
			if code != 0 || !same.MatchString(said) {
				t.Errorf("%v, back with %v: exit code %d\n%s%s", list, options, code, out, said)
			}
		}
	}
	if after, _ := good(t, dir, "device", "list", "--json"); after != before {
		t.Error("the devices are not as they were")
	}
}
