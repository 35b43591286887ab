package commands

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"capf/crypto"
)

// writeRoots writes the certificates of CAs and, for each of them, an entry of a
// document that has them in capf-trust.
func writeRoots(t *testing.T, dir string, names ...string) (entries []string) {
	t.Helper()
	for i, name := range names {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		check(t, err)
		file := fmt.Sprintf("root%d.pem", i)
		check(t, os.WriteFile(filepath.Join(dir, file), crypto.CertificatePEM(der), 0o644))
		entries = append(entries, "  - {file: "+file+", purposes: capf-trust}\n")
	}
	return entries
}

// TestApplyInParallel applies two documents at once, again and again: whichever is
// last, the stores are exactly as one of them says, and no change is lost or half made.
func TestApplyInParallel(t *testing.T) {
	t.Parallel()
	dir := house(t)
	entries := writeRoots(t, dir, "A", "B", "C", "D")
	for name, text := range map[string]string{"one.yaml": entries[0] + entries[1], "two.yaml": entries[2] + entries[3]} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte("version: 1\ncertificates:\n"+text), 0o644))
	}
	var wg sync.WaitGroup
	for i := range 12 {
		name := []string{"one.yaml", "two.yaml"}[i%2]
		wg.Go(func() {
			if code, said := capf(t, dir, "cert", "apply", name, "--prune", "--yes"); code != 0 && !strings.Contains(said, "changed meanwhile") {
				t.Errorf("%s: exit code %d\n%s", name, code, said)
			}
		})
	}
	wg.Wait()
	one, _ := capf(t, dir, "cert", "apply", "one.yaml", "--prune", "--dry-run")
	two, _ := capf(t, dir, "cert", "apply", "two.yaml", "--prune", "--dry-run")
	if one+two != 6 {
		t.Errorf("the dry runs end with %d and %d, not one with 0 and one with 6", one, two)
	}
	must(t, dir, "audit", "list", "--verify")
	for range 6 { // the same document at once: all are content with the outcome
		wg.Go(func() { must(t, dir, "cert", "apply", "one.yaml", "--prune", "--yes") })
	}
	wg.Wait()
	must(t, dir, "cert", "apply", "one.yaml", "--prune", "--dry-run")
}

// TestDevicesInParallel applies two lists of devices at once: whichever is last, the
// devices are exactly as one of them says.
func TestDevicesInParallel(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for file, from := range map[string]int{"one.csv": 0, "two.csv": 20} {
		text := "name,description\n"
		for i := range 40 {
			text += fmt.Sprintf("SEP%012d,%s\n", from+i, file)
		}
		check(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
	}
	var wg sync.WaitGroup
	for i := range 10 {
		file := []string{"one.csv", "two.csv"}[i%2]
		wg.Go(func() {
			if code, said := capf(t, dir, "device", "apply", file, "--prune", "--yes"); code != 0 && !strings.Contains(said, "changed meanwhile") {
				t.Errorf("%s: exit code %d\n%s", file, code, said)
			}
		})
	}
	wg.Wait()
	one, _ := capf(t, dir, "device", "apply", "one.csv", "--prune", "--dry-run")
	two, _ := capf(t, dir, "device", "apply", "two.csv", "--prune", "--dry-run")
	if one+two != 6 {
		t.Errorf("the dry runs end with %d and %d, not one with 0 and one with 6", one, two)
	}
}

// TestApplyWithoutEnvironment applies as a job in a container does: with no name for its
// user, and nothing in the environment but a claim to be another.
func TestApplyWithoutEnvironment(t *testing.T) {
	t.Parallel()
	dir := house(t)
	entries := writeRoots(t, dir, "A")
	check(t, os.WriteFile(filepath.Join(dir, "trust.yaml"), []byte("version: 1\ncertificates:\n"+entries[0]), 0o644))
	const stranger = 54321
	program := capfProcess(t, dir).Path
	if os.Geteuid() == 0 {
		run(t, "cp", program, filepath.Join(dir, "capf")) // where a stranger may run it
		program = filepath.Join(dir, "capf")
		check(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, stranger, stranger)
		}))
		for _, above := range []string{filepath.Dir(dir), filepath.Dir(filepath.Dir(dir))} {
			check(t, os.Chmod(above, 0o755))
		}
	}
	for _, want := range []string{"1 added", "nothing to change"} {
		cmd := capfProcess(t, dir, "cert", "apply", "trust.yaml", "--prune", "--yes")
		cmd.Path, cmd.Env = program, []string{"CAPF_DB=" + filepath.Join(dir, "capf.db"), "USER=olga", "LOGNAME=olga", "HOME=" + dir}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, want %q:\n%s", err, want, out)
		}
	}
	if os.Geteuid() == 0 {
		if audit := must(t, dir, "audit", "list", "--csv"); !strings.Contains(audit, "uid 54321") || strings.Contains(audit, "olga") {
			t.Errorf("the record has\n%s", audit)
		}
	}
}

// TestApplyAsks shows at a terminal what would go before it asks, and not more of it
// than fits.
func TestApplyAsks(t *testing.T) {
	t.Parallel()
	dir := house(t)
	manyDevices(t, dir, 50)
	check(t, os.WriteFile(filepath.Join(dir, "phones.csv"), []byte("name,pool\nSEP001122334455,Berlin\n"), 0o644))
	apply := func(answer, want string) int {
		c := atConsole(t, 120, capfProcess(t, dir, "device", "apply", "phones.csv", "--prune"))
		c.wait("- SEP000000000000")
		c.wait("and 21 differences more; --dry-run shows them all")
		c.wait("Delete 50 devices?")
		c.answer(answer, want)
		return c.code()
	}
	if code := apply("n\r", "nothing was changed"); code != 1 {
		t.Errorf("declined: exit code %d", code)
	}
	if list := must(t, dir, "device", "list", "--no-header"); strings.Count(list, "\n") != 51 {
		t.Errorf("after a refusal the devices are\n%s", list)
	}
	if code := apply("y\r", "1 changed, 50 removed"); code != 0 {
		t.Errorf("agreed: exit code %d", code)
	}
	if list := must(t, dir, "device", "list", "--no-header"); strings.Count(list, "\n") != 1 {
		t.Errorf("then the devices are\n%s", list)
	}
}
