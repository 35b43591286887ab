package jobs_test

import (
	"testing"

	"capf/enroll/jobs"
	"capf/store"
)

// TestDocuments: a job that waits was written by the capf of its day, so what that
// wrote is read for good. These are rows of a database of 27 November 2026, with what
// job list said of them then.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, selection, edit string
		selects, changes      string
		partial               bool
	}{
		{
			"every filter and every attribute",
			`{"name":"SEP*","pool":"Berlin*","model":"88?1","operation":"install","status":"upgrade-failed-late","auth_mode":"mic","failed":true,"late":true,"lsc":"installed","lsc_expires_before":"2027-06-30T00:00:00Z","lsc_issued_by":"CN=CAPF*","issuer_expires_before":"2031-01-31T00:00:00Z"}`,
			`{"description":"On the 3rd floor","model":"8861","pool":"Hamburg","security_mode":"encrypted","ip_mode":"ipv6","operation":"install","auth_mode":"lsc","key_order":"ec-preferred","rsa_bits":3072,"ec_bits":521,"completes_by":"2028-01-31T18:00:00Z","partial":true}`,
			"name=SEP* pool=Berlin* model=88?1 operation=install status=upgrade-failed-late auth-mode=mic failed=yes late=yes lsc=installed lsc-expires-before=2027-06-30T00:00:00Z lsc-issued-by=CN=CAPF* issuer-expires-before=2031-01-31T00:00:00Z",
			"description=On the 3rd floor model=8861 pool=Hamburg security-mode=encrypted ip-mode=ipv6 operation=install auth-mode=lsc key-order=ec-preferred rsa-bits=3072 ec-bits=521 completes-by=2028-01-31T18:00:00Z",
			true,
		},
		{
			"unique strings",
			`{"due_for_renewal":true}`,
			`{"operation":"install","auth_mode":"auth-string","completes_by":"+10d","unique_strings":true}`,
			"due-for-renewal=yes",
			"operation=install auth-mode=auth-string completes-by=+10d auth-string=(unique)",
			false,
		},
		{
			"devices by list, and later filters",
			`{"names":["SEP001122334455","CSFolga"],"description":"Floor 3*","no_auth_string":true,"locked":true,"waiting":true,"last_seen_before":"2026-11-01T00:00:00Z","lsc_expires_within":2592000000000000}`,
			`{"auth_mode":"auth-string","unique_strings":true,"keep_strings":true}`,
			"devices=(2 listed) description=Floor 3* no-auth-string=yes locked=yes waiting=yes last-seen-before=2026-11-01T00:00:00Z lsc-expires-within=720h0m0s",
			"auth-mode=auth-string auth-string=(unique, where there is none)",
			false,
		},
		{"a deletion", `{"pool":"Closed"}`, `{"delete":{"revoke":"cessation-of-operation"}}`, "pool=Closed", "delete, and revoke certificates (cessation-of-operation)", false},
		{"a deletion that revokes nothing", `{"pool":"Closed"}`, `{"delete":{}}`, "pool=Closed", "delete", false},
		{"a departure", `{"pool":"Closed"}`, `{"leave":true}`, "pool=Closed", "schedule Delete for LSCs, before the devices move to another cluster", false},
		{"no string", `{}`, `{"no_string":true}`, "all devices", "auth-string=(removed)", false},
	} {
		u, err := jobs.Read(store.Job{Selection: test.selection, Edit: test.edit})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := u.Selection.Describe(); got != test.selects {
			t.Errorf("%s: the job selects %s\nwant %s", test.name, got, test.selects)
		}
		if got := u.Describe(); got != test.changes {
			t.Errorf("%s: the job changes %s\nwant %s", test.name, got, test.changes)
		}
		if u.Partial != test.partial {
			t.Errorf("%s: partial is %v", test.name, u.Partial)
		}
	}
}

// TestRenewalDocument: a renewal that another process has begun names how many it may
// schedule, and that no operator is asked.
func TestRenewalDocument(t *testing.T) {
	t.Parallel()
	u, err := jobs.Read(store.Job{Selection: `{"by_itself":true,"due_for_renewal":true,"limit":300}`, Edit: `{"operation":"install","partial":true}`})
	if err != nil || !u.Selection.ByItself || !u.Selection.DueForRenewal || u.Selection.Limit != 300 {
		t.Errorf("the selection of a renewal is read as %+v, %v", u.Selection, err)
	}
}
