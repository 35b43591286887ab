package server_test

import (
	"errors"
	"os"
	"testing"

	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/store"
)

// TestDatabaseReplaced: a serve whose database is moved away ends by itself,
// and a phone that stores its LSC meanwhile is not told that all is well.
func TestDatabaseReplaced(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add("SEP000000000001", store.Install)
	path := h.base.Store.Path()
	_, err := h.phone("SEP000000000001", func(c *phone.Config) {
		c.Observe = func(_ bool, f wire.Frame) {
			if f.Command == wire.CmdStoreCertificateRequest {
				if err := os.Rename(path, path+".old"); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if err == nil {
		t.Error("the phone was told that its LSC is recorded")
	}
	if err := h.ended(); !errors.Is(err, store.ErrReplaced) {
		t.Errorf("the server ended with %v", err)
	}
	if err := h.base.Store.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path+".old", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d, err := s.Device(t.Context(), "SEP000000000001")
	if err != nil || d.Operation != store.Install {
		t.Errorf("the operation is %v, %v", d.Operation, err)
	}
}
