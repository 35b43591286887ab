package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAddressKeepsItsPassword: what might be a password is not repeated.
func TestAddressKeepsItsPassword(t *testing.T) {
	t.Parallel()
	dir := house(t)
	check(t, os.WriteFile(filepath.Join(dir, "pw"), []byte("x\n"), 0o600))
	code, out := capf(t, dir, "ldap", "add", "one", "--url", "ldaps://u:secret@h:1", "--base", "dc=x", "--bind-dn", "cn=x", "--password-file", "pw")
	if code != 2 || strings.Contains(out, "secret") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
