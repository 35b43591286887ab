package files

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLinkExchange exchanges a link while a session writes and reads by the
// name: nothing outside, and not the database, is ever touched.
func TestLinkExchange(t *testing.T) {
	t.Parallel()
	top, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	dir := filepath.Join(top, "home")
	check(t, os.Mkdir(dir, 0o700))
	root, err := os.OpenRoot(dir)
	check(t, err)
	defer root.Close()
	outside := filepath.Join(top, "outside")
	check(t, os.Mkdir(outside, 0o700))
	check(t, os.WriteFile(filepath.Join(outside, "secret.pem"), []byte("TOPSECRET"), 0o600))
	check(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	door := &Folder{Root: root, Name: dir, Reserved: []string{filepath.Join(dir, "capf.db")}}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				os.Rename(filepath.Join(dir, "d"), filepath.Join(dir, "e"))
				os.Symlink(outside, filepath.Join(dir, "d"))
				os.Remove(filepath.Join(dir, "d"))
				os.Rename(filepath.Join(dir, "e"), filepath.Join(dir, "d"))
			}
		}
	}()
	good := 0
	for range 2000 {
		if Replace(door, "d/x.pem", []byte("x"), 0o644) == nil {
			good++
		}
		if f, err := door.Open("d/secret.pem"); err == nil {
			t.Error("a file outside was opened")
			f.Close()
		}
	}
	close(stop)
	<-ended
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 || good == 0 {
		t.Errorf("%d were written, outside is %v, %v", good, entries, err)
	}
}
