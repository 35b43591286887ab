package store

import (
	"testing"
	"time"
)

func member(role ListRole, name string) ListMember {
	return ListMember{Role: role, Fingerprint: name + name, Subject: "CN=" + name, Certificate: []byte(name)}
}

// TestListMembers: a certificate may stand in several records, all are added or none,
// and what is there already only gets what is new.
func TestListMembers(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	must(t, s.SetParameter(t.Context(), operator, "keep_alive", "20"))
	if at, err := s.ListsChanged(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("lists have changed at %v, %v", at, err)
	}
	ccm, tftp := member(RoleCCM, "one"), member(RoleTFTP, "one")
	tftp.SealedKey = []byte("key")
	e := events(t, s, 2, func() {
		rows, outcomes, err := s.AddListMembers(t.Context(), operator, []ListMember{ccm, tftp})
		must(t, err)
		if len(rows) != 2 || rows[1].ID <= rows[0].ID || outcomes[1] != TrustAdded {
			t.Errorf("%+v, %v", rows, outcomes)
		}
	})
	if e.Action != "trust-list-add" || e.Detail != "tftp: CN=one, with its key" {
		t.Errorf("the event is %+v", e)
	}
	first, err := s.ListsChanged(t.Context())
	must(t, err)

	events(t, s, 0, func() {
		_, outcomes, err := s.AddListMembers(t.Context(), operator, []ListMember{ccm})
		if err != nil || outcomes[0] != TrustSame {
			t.Errorf("%v, %v", outcomes, err)
		}
	})
	// A key is in no list.
	ccm.SealedKey = []byte("another")
	_, _, err = s.AddListMembers(t.Context(), operator, []ListMember{ccm})
	must(t, err)
	if at, err := s.ListsChanged(t.Context()); err != nil || !at.Equal(first) {
		t.Errorf("lists have changed at %v, %v, not %v", at, err, first)
	}
	ccm.DNSName = "sip.example.com"
	e = events(t, s, 1, func() {
		_, _, err = s.AddListMembers(t.Context(), operator, []ListMember{ccm})
		must(t, err)
	})
	if e.Detail != `ccm: CN=one; DNS name "sip.example.com"; key set` {
		t.Errorf("the event is %+v", e)
	}

	_, _, err = s.AddListMembers(t.Context(), operator, []ListMember{member(RoleTVS, "two"), member("sast", "two")})
	if err == nil {
		t.Error("an operator gave the role SAST")
	}
	wantErr(t, s.DeleteListMembers(t.Context(), operator, 1, 7), ErrNotFound)
	rows, err := s.ListMembers(t.Context())
	must(t, err)
	if len(rows) != 2 || rows[0].DNSName != "sip.example.com" || string(rows[1].SealedKey) != "key" {
		t.Errorf("%+v", rows)
	}
	e = events(t, s, 1, func() { must(t, s.DeleteListMembers(t.Context(), operator, 1, 1)) })
	if e.Action != "trust-list-delete" || e.Detail != "ccm: CN=one" {
		t.Errorf("the event is %+v", e)
	}
}

// TestListsChanged: a list that changes is newer than the one before, whatever the
// clock does.
func TestListsChanged(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	var last time.Time
	for i, change := range []func() error{
		func() error {
			return s.SaveIdentity(t.Context(), operator, Identity{Chain: [][]byte{selfSigned(t, "CAPF")}, SealedKey: []byte{1}}, true)
		},
		func() error { return s.SetParameter(t.Context(), operator, "trust_list_digest", "sha512") },
		func() error {
			c.move(-time.Hour)
			return s.SetParameter(t.Context(), operator, "trust_list_digest", "")
		},
		func() error {
			c.move(2*time.Hour + 300*time.Millisecond)
			_, _, err := s.AddListMembers(t.Context(), operator, []ListMember{member(RoleCCM, "one")})
			return err
		},
		func() error { return s.DeleteListMembers(t.Context(), operator, 1) },
	} {
		must(t, change())
		at, err := s.ListsChanged(t.Context())
		must(t, err)
		if !at.After(last) || !at.Equal(at.Truncate(time.Second)) {
			t.Errorf("change %d: %v after %v", i, at, last)
		}
		last = at
	}
	if !last.Equal(start.Add(time.Hour + time.Second)) {
		t.Errorf("it is %v", last)
	}
}
