package diagnosis

import (
	"strings"

	"capf/enroll"
	"capf/store"
)

// causeOf is the X of a status such as "Upgrade Failed: X".
func causeOf(v store.Status) store.Cause {
	_, cause, _ := strings.Cut(string(v), "-failed-")
	return store.Cause(cause)
}

// remedies are the commands that help against what ended a session, the best first.
func (r *Report) remedies(e *enroll.SessionError) []string {
	nullString := r.command("device set", "--auth-mode", "null-string")
	newString := r.command("device generate-string")
	switch {
	case e.String == enroll.StringLockedOut && r.Device.LockedFor == store.LockedForWrongStrings:
		return []string{r.command("device unlock"), newString}
	case e.String == enroll.StringLockedOut:
		return []string{r.command("device unlock"), r.command("device history")}
	}
	switch e.Cause {
	case store.InvalidString:
		return []string{newString, nullString}
	case store.InvalidCredentials:
		if r.Device.AuthMode == store.ByNullString {
			return []string{newString, r.command("device set", "--auth-mode", "mic")}
		}
		return []string{nullString, newString}
	case store.InvalidLSC:
		if r.LSC == nil { // so it is of another issuer, which may be missing
			return []string{"capf cert list --purpose capf-trust", nullString}
		}
		return []string{nullString, newString}
	case store.InvalidMIC:
		for _, c := range r.Certificates {
			if c.Kind == enroll.KindMIC && r.now.After(c.Certificate.NotAfter) {
				return []string{nullString, "capf set allow_expired_mic true"}
			}
		}
		return []string{"capf cert list --purpose capf-trust", nullString}
	case store.KeyGenerationFailed:
		return []string{r.command("device set", "--key-order", "rsa", "--rsa-bits", "2048"), "capf set keygen_timeout 60"}
	case store.NoECInVersion:
		return []string{r.command("device set", "--key-order", "ec-preferred")}
	case store.CACommunicationFailed:
		if !r.Issuer.OK() {
			return []string{r.Issuer.Mend, "capf online-ca test"}
		}
		return []string{"capf online-ca test"}
	case store.CARejected:
		return []string{r.command("csr list --state all --device"), "capf online-ca test"}
	case store.Late:
		return []string{r.schedule("--completes-by", "+10d")}
	}
	return []string{r.command("device history"), r.schedule()}
}
