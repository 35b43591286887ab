package commands

import (
	"errors"
	"strings"
	"testing"

	"capf/enroll/trustlist"
	"capf/enroll/tvs"
	"capf/internal/apperr"
)

// TestTVSVouchesForAnother: a certificate whose maker has given it the issuer and serial
// number of another one is not that one, whatever the server says to its name.
func TestTVSVouchesForAnother(t *testing.T) {
	t.Parallel()
	capf := trustlist.RoleCAPF
	o := tvsAskOptions{role: &capf, TVSQuestion: trustlist.TVSQuestion{Query: true, Certificate: []byte("asked")}}
	for answered, want := range map[string]string{"asked": "", "another": "vouches for another certificate", "": "vouches for another certificate"} {
		a := tvs.Answer{TVSAnswer: trustlist.TVSAnswer{Query: true, Valid: true, Certificate: []byte(answered), Roles: []trustlist.Role{capf}}}
		err := o.verdict(a)
		if (err != nil) != (want != "") || err != nil && (!errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", answered, err)
		}
	}
}
