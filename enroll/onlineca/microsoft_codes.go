package onlineca

// adviceByCode says what an operator can do about the code with which a Microsoft
// CA gives its reason. The codes are those of winerror.h, in lower case.
var adviceByCode = map[string]string{
	"0x80094800": "the CA does not offer this template: set online_ca_template to the template's name (not its display name) and publish the template on the CA",
	"0x80094801": "the CA needs a template: set online_ca_template",
	"0x80094802": "the CA offers the template only in another version: publish it again on the CA",
	"0x80094803": "the template asks for something in the request that ours has not: give the template \"supply in the request\" and no recovery agent",
	"0x80094807": "the CA or the template wants a signature of an enrollment agent on the request: take the issuance requirement off the template",
	"0x80094809": "the template wants signatures of enrollment agents on the request: set their number to zero in its issuance requirements",
	"0x8009480f": "the template takes the name from Active Directory: switch it to \"supply in the request\"",
	"0x80094811": "the phone's key is shorter than the template allows: schedule a larger key size or lower the template's minimum",
	"0x80094812": "the template wants an e-mail address in Active Directory: switch it to \"supply in the request\"",
	"0x80094010": "the account may not do this on the CA: look at the CA's security settings",
	"0x80094011": "the account has no permission to request certificates on the CA: allow \"Request Certificates\" on the CA's security page",
	"0x80094012": "the account has no Enroll right on the template: allow Read and Enroll on the template's security page",
	"0x80094014": "a manager of the CA denied the request: ask them, then schedule the phone again",
	"0x80094001": "the CA does not take the subject of the request: look at the CA's and the template's rules for names, in particular the order and the kinds of its parts",
	"0x80094004": "the CA knows no certificate under this number",
	"0x8009000d": "the CA cannot read the key of the request",
	"0x80090006": "the request is not signed by the phone's own key (proof of possession): this phone cannot get a certificate from this CA",
	"0x80093102": "the CA cannot read the request",
	"0x800b0101": "the CA's own certificate, or one above it, has expired",
	"0x80092012": "the CA cannot find its revocation list: publish a CRL on the CA",
	"0x80092013": "the CA's revocation list has run out or cannot be reached: publish a new CRL",
	"0x80070005": notReachedAdvice + "; access was denied on the way, most often since the login is not passed on (delegation)",
	"0x800706b5": notReachedAdvice,
	"0x800706ba": notReachedAdvice,
}

// notReachedAdvice is about web pages that cannot reach the CA behind them.
const notReachedAdvice = "the web pages work but do not reach the CA behind them: start Active Directory Certificate Services, check the firewall between the two, " +
	"and, when the pages run on another host than the CA, that their server is trusted for delegation to the CA (HOST and RPCSS)"

// notReached has the codes by which the web pages say that they did not reach the
// CA. It has not received the request, which may be sent again.
var notReached = map[string]bool{
	"0x800706ba": true, // RPC server unavailable
	"0x800706b5": true, // unknown interface
	"0x80070005": true, // access denied
}

// away has the codes by which the web pages say that the CA behind them is down,
// so that a later attempt may succeed.
var away = map[string]bool{
	"0x800706bb": true, // RPC server too busy
	"0x800706be": true, // RPC call failed
	"0x800706bf": true, // RPC call failed and did not execute
	"0x80080005": true, // CA service did not start
	"0x8007045b": true, // shutting down
	"0x80092013": true, // the CA cannot reach its CRL
}
