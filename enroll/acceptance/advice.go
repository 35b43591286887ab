package acceptance

import (
	"errors"

	"capf/crypto"
)

// AdviceSerial is what to do about a CA that has reused a serial number.
const AdviceSerial = "a CA must not use a serial number twice: look whether it was restored from an older backup"

// What to do about a certificate that is not fit, by the reason.
const (
	adviceSubject   = "let the CA take the subject of the request as it is: \"supply in the request\", and no policy module that rewrites names"
	adviceClock     = "compare the clocks of this machine and the CA; clock_tolerance says by how much the CA's may be ahead"
	adviceExpired   = "compare the clocks of this machine and the CA, and look at the validity in the template or profile"
	adviceUsage     = "give the template or profile the key usage digitalSignature, and for RSA keys keyEncipherment, without which phones do not register securely"
	adviceExtension = "take the critical extension off the template or profile, or make it not critical: who does not know it must refuse the certificate"
	advicePurpose   = "give the template or profile the extended key usage clientAuth, which 802.1X and SIP over TLS ask for; capf set require_client_auth false does without"
	adviceIssuer    = "have the CA's certificate issued with clientAuth and serverAuth or without extended key usage; capf cert upload --accept-eku takes it all the same, so does capf set require_client_auth false"
	adviceTrust     = "upload the CA certificates that are missing to capf-trust"
	adviceProfile   = "mend the template or profile at the CA: it has to be one for clients and servers, signed with SHA-256 or better"
)

// adviceAbout returns the advice for an error of crypto.CheckLSC.
func adviceAbout(err error) string {
	for _, known := range []struct {
		kind   error
		advice string
	}{
		{crypto.ErrOtherName, adviceSubject}, {crypto.ErrNotYetValid, adviceClock}, {crypto.ErrExpired, adviceExpired},
		{crypto.ErrKeyUsage, adviceUsage}, {crypto.ErrPurpose, advicePurpose}, {crypto.ErrExtension, adviceExtension},
	} {
		if errors.Is(err, known.kind) {
			return known.advice
		}
	}
	return adviceProfile
}
