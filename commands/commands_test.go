package commands

import (
	"cmp"
	"context"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"capf/commands/internal/host"
	"capf/store"
)

var update = flag.Bool("update", false, "rewrite what the scripts in testdata expect")

// TestMain makes the program, under both of its names, a command of scripts.
func TestMain(m *testing.M) {
	// Under the race detector a process sleeps a second before it ends, which
	// hundreds of short commands cannot afford.
	os.Setenv("GORACE", noRaceSleep)
	testscript.Main(m, map[string]func(){
		"capf":  func() { os.Exit(program()) },
		"utils": func() { os.Exit(program()) },
	})
}

// patience is for how long a test waits for what has to happen, on a machine that
// does much else.
const patience = 5 * time.Minute

const noRaceSleep = "atexit_sleep_ms=0"

// program is Main but for the clock, which a script may fix, and for who vouches
// for what the environment says, which here is true.
func program() int {
	env := newEnv(os.Stdin, os.Stdout, os.Stderr)
	env.witness = host.Witness{
		Login: func() (host.User, bool) { return host.User{}, false }, Sudoer: saidSudoer, Connected: func(string) bool { return true },
	}
	if fixed := os.Getenv("TEST_NOW"); fixed != "" {
		now, err := time.Parse(time.RFC3339, fixed)
		if err != nil {
			panic(err)
		}
		env.Now = func() time.Time { return now.Local() } // in the zone that TZ names, like the clock
	}
	return runProcess(env, os.Args)
}

// saidSudoer takes the name in SUDO_USER for the truth, unless a script says that nobody
// vouches for it, and that of the process without one. Every name is a user of its own.
func saidSudoer(getenv func(string) string) (host.User, bool) {
	if getenv("SUDO_USER") == "root" {
		return host.User{Name: "root"}, true
	}
	name := cmp.Or(getenv("SUDO_USER"), host.UserName())
	return host.User{Name: name, ID: 1000 + int64(crc32.ChecksumIEEE([]byte(name)))}, getenv("TEST_UNVOUCHED") == ""
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("CAPF_DB", filepath.Join(e.WorkDir, "capf.db"))
			e.Setenv("TZ", "UTC")
			e.Setenv("SUDO_USER", "olga")
			e.Setenv("SSH_CLIENT", "192.0.2.7 50000 22")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GORACE", noRaceSleep)
			// Lists and signed files that another program has made, with their keys.
			lists, err := filepath.Abs("../enroll/trustlist/testdata")
			e.Setenv("LISTS", lists)
			if err != nil {
				return err
			}
			scripts, err := filepath.Abs("../scripts")
			e.Setenv("SCRIPTS", scripts)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"mask":      mask,
			"waitfile":  waitFile,
			"waitjob":   waitJob,
			"waitevent": waitEvent,
			"seed":      seed,
		},
	})
}

// exits runs a command and demands an exit code: exits 3 capf csr show 1.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// What differs from run to run.
var (
	longHex = regexp.MustCompile(`\b[0-9a-f]{24,64}\b`)
	ownName = regexp.MustCompile(`CAPF-[0-9a-f]{8}`)
	port    = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	process = regexp.MustCompile(`pid [0-9]+ on [^ ,]+`)
	moment  = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}Z?(  [0-9]+\b)?`) // with the days left
	columns = regexp.MustCompile(`  +`)
)

// mask writes a file, stdout or stderr with what differs from run to run
// replaced: mask stdout out. Since the widths of columns differ with it, runs
// of blanks become two.
func mask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mask FROM TO")
	}
	text := ts.ReadFile(args[0])
	text = strings.ReplaceAll(text, ts.Getenv("WORK"), "WORK")
	text = longHex.ReplaceAllString(text, "HEX")
	text = ownName.ReplaceAllString(text, "CAPF-12345678")
	text = port.ReplaceAllString(text, "127.0.0.1:PORT")
	text = process.ReplaceAllString(text, "pid PID on HOST")
	text = moment.ReplaceAllString(text, "TIME")
	text = columns.ReplaceAllString(text, "  ")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

// waitFile waits until a file is there, and puts what it says into a variable, if one
// is named: waitfile address ADDRESS.
func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfile FILE [VARIABLE]")
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && len(args) == 2 {
			ts.Setenv(args[1], strings.TrimSpace(string(data)))
		}
		if err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s has not appeared", args[0])
}

// waitJob waits until a job has ended: waitjob 1.
func waitJob(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitjob ID")
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		ts.Check(ts.Exec("capf", "job", "list", "--no-header"))
		for line := range strings.Lines(ts.ReadFile("stdout")) {
			if words := strings.Fields(line); words[0] == args[0] && !strings.Contains(line, "Waiting") && !strings.Contains(line, "Running") {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("job %s has not ended", args[0])
}

// waitEvent waits until the record has an event of an action, such as one of serve:
// waitevent trust-list-rotate.
func waitEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitevent ACTION")
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		ts.Check(ts.Exec("capf", "audit", "list", "--action", args[0], "--csv"))
		if ts.ReadFile("stdout") != "" {
			return
		}
	}
	ts.Fatalf("there is no event %s", args[0])
}

// seedTime is when everything that seed makes happened.
var seedTime = time.Date(2027, 1, 31, 18, 0, 0, 0, time.UTC)

// seed puts rows into the database that no command of an operator makes: seed
// pending NAME..., seed installed NAME..., seed hostile NAME and the like.
func seed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: seed pending|issued|installed|stale|hostile NAME...")
	}
	ctx := context.Background()
	s, err := store.Create(ctx, ts.Getenv("CAPF_DB"), store.Options{Now: func() time.Time { return seedTime }})
	ts.Check(err)
	defer s.Close()
	for i, name := range args[1:] {
		ts.Check(seedDevice(ctx, s, args[0], name, i))
	}
}

func seedDevice(ctx context.Context, s *store.Store, what, name string, n int) error {
	actor := store.Actor{Kind: store.Phone, Name: name, Address: "192.0.2.9"}
	d := store.Device{
		Name: name, SecurityMode: store.Nonsecure, IPMode: store.TwoStack, Operation: store.Install,
		AuthMode: store.ByNullString, KeyOrder: store.RSAOnly, RSABits: 2048, ECBits: 384,
		CompletesBy: seedTime.AddDate(0, 0, 10), Status: store.StatusPending, Schedule: 1,
	}
	if what == "hostile" {
		d.Description = "=cmd|'/c calc'!A1\x1b[2J\n\u202egnp.exe"
	}
	d, err := s.AddDevice(ctx, actor, d)
	if err != nil || what == "hostile" {
		return err
	}
	request := store.Request{
		DeviceID: d.ID, Device: d.Name, Schedule: d.Schedule, Issuer: "offline-ca",
		KeyKind: "rsa-2048", KeyHash: digest(name, n), PublicKey: []byte("key of " + name), Address: actor.Address,
	}
	if what == "pending" {
		_, err := s.SubmitRequest(ctx, actor, request)
		return err
	}
	prefix := "ab"
	switch what {
	case "issued":
		prefix = "cd"
	case "installed":
		prefix = "ef"
	}
	lsc, err := s.IssueLSC(ctx, actor, store.NewLSC{Request: request, LSC: store.LSC{
		Serial: prefix + strings.Repeat("0", n) + "1", Subject: "CN=" + name, Issuer: "CN=CAPF-12345678", KeyKind: "rsa-2048",
		NotBefore: seedTime, NotAfter: seedTime.AddDate(5, 0, 0),
		Certificate: []byte("certificate of " + name + "\n"), Fingerprint: digest(name, n),
	}})
	if err != nil || what == "issued" {
		return err
	}
	if what == "installed" {
		return s.MarkInstalled(ctx, actor, lsc.ID, d.Schedule)
	}
	return s.MarkRefused(ctx, actor, lsc.ID, store.Failure{
		DeviceID: d.ID, Schedule: d.Schedule, Status: store.Failed(store.Install, store.InvalidLSC), Step: "store", Outcome: "refused",
	})
}

// digest is any 32 bytes that differ with name and number.
func digest(name string, n int) []byte {
	b := make([]byte, 32)
	copy(b, name)
	b[31] = byte(n)
	return b
}
