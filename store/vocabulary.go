package store

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Each named value has a short form, which the database, JSON and the command
// line use, and a long form, which the vendor's pages and our tables show.
// Both are accepted wherever a person writes one.
type (
	// Operation is a Certificate Operation that is scheduled for a device.
	Operation string
	// AuthMode is the way in which a phone proves who it is.
	AuthMode string
	// KeyOrder says which kinds of key a phone may be asked to make.
	KeyOrder string
	// SecurityMode is the Device Security Mode.
	SecurityMode string
	// IPMode says which address families a device uses.
	IPMode string
	// RequestState is the state of a public key that a phone sent.
	RequestState string
	// LSCState is the state of a certificate made for a request. That a
	// certificate has expired is never stored: it follows from its validity.
	LSCState string
	// RevocationReason is why an LSC was revoked.
	RevocationReason string
	// VoucherKind is with what a phone authenticated.
	VoucherKind string
	// LockReason is why a device is locked.
	LockReason string
	// Status is a Certificate Operation Status.
	Status string
)

// Certificate operations.
const (
	NoOperation  Operation = "none"
	Install      Operation = "install"
	Delete       Operation = "delete"
	Troubleshoot Operation = "troubleshoot"
)

// Authentication modes.
const (
	ByString        AuthMode = "auth-string"
	ByNullString    AuthMode = "null-string"
	ByLSCPrecedence AuthMode = "lsc"
	ByMICPrecedence AuthMode = "mic"
)

// Key orders.
const (
	RSAOnly     KeyOrder = "rsa"
	ECOnly      KeyOrder = "ec"
	ECPreferred KeyOrder = "ec-preferred"
)

// Device security modes.
const (
	Nonsecure     SecurityMode = "nonsecure"
	Authenticated SecurityMode = "authenticated"
	Encrypted     SecurityMode = "encrypted"
)

// IP modes.
const (
	TwoStack IPMode = "two-stack"
	IPv4Only IPMode = "ipv4"
	IPv6Only IPMode = "ipv6"
)

// Request states. A request that waits for an issuer is pending; it ends as
// issued, or superseded by a newer one of the same device, or rejected by the
// issuer.
const (
	RequestPending    RequestState = "pending"
	RequestIssued     RequestState = "issued"
	RequestSuperseded RequestState = "superseded"
	RequestRejected   RequestState = "rejected"
)

// LSC states. A signed certificate is issued until its phone confirms it
// (installed); it becomes stale when it was overtaken or refused before that,
// and replaced or deleted after it. Each may be revoked. A stale one that an
// operator deletes is discarded until it has run out, since a phone may have it.
const (
	LSCIssued    LSCState = "issued"
	LSCInstalled LSCState = "installed"
	LSCReplaced  LSCState = "replaced"
	LSCDeleted   LSCState = "deleted"
	LSCStale     LSCState = "stale"
	LSCRevoked   LSCState = "revoked"
	LSCDiscarded LSCState = "discarded"
)

// The reasons of RFC 5280, section 5.3.1, without removeFromCRL, which is none
// to revoke for. Only a certificate-hold can be taken back.
const (
	Unspecified          RevocationReason = "unspecified"
	KeyCompromise        RevocationReason = "key-compromise"
	CACompromise         RevocationReason = "ca-compromise"
	AffiliationChanged   RevocationReason = "affiliation-changed"
	SupersededReason     RevocationReason = "superseded"
	CessationOfOperation RevocationReason = "cessation-of-operation"
	CertificateHold      RevocationReason = "certificate-hold"
	PrivilegeWithdrawn   RevocationReason = "privilege-withdrawn"
	AACompromise         RevocationReason = "aa-compromise"
)

// Why a device is locked. The reason stays when the lock has ended.
const (
	NotLocked             LockReason = ""
	LockedForWrongStrings LockReason = "wrong-strings"
	LockedForUnconfirmed  LockReason = "unconfirmed" // LSCs that the phone took and did not confirm
)

// What a phone can authenticate with.
const (
	VouchedByNullString    VoucherKind = "null-string"
	VouchedByString        VoucherKind = "auth-string"
	VouchedByLSC           VoucherKind = "lsc"            // one in our record
	VouchedByForeignLSC    VoucherKind = "foreign-lsc"    // another cluster's
	VouchedByUnrecordedLSC VoucherKind = "unrecorded-lsc" // of an issuer of ours, but not in our record
	VouchedByMIC           VoucherKind = "mic"
)

// word is one value of a vocabulary.
type word struct{ short, long string }

var (
	operations = []word{
		{"none", "No Pending Operation"}, {"install", "Install/Upgrade"},
		{"delete", "Delete"}, {"troubleshoot", "Troubleshoot"},
	}
	authModes = []word{
		{"auth-string", "By Authentication String"}, {"null-string", "By Null String"},
		{"lsc", "By Existing Certificate (precedence to LSC)"},
		{"mic", "By Existing Certificate (precedence to MIC)"},
	}
	keyOrders = []word{
		{"rsa", "RSA Only"}, {"ec", "EC Only"}, {"ec-preferred", "EC Preferred, RSA Backup"},
	}
	securityModes = []word{
		{"nonsecure", "Nonsecure"}, {"authenticated", "Authenticated"}, {"encrypted", "Encrypted"},
	}
	ipModes = []word{
		{"two-stack", "Two stack"}, {"ipv4", "IPv4 stack"}, {"ipv6", "IPv6 stack"},
	}
	requestStates = []word{
		{"pending", "Pending"}, {"issued", "Issued"}, {"superseded", "Superseded"}, {"rejected", "Rejected"},
	}
	lscStates = []word{
		{"issued", "Issued"}, {"installed", "Installed"}, {"replaced", "Replaced"},
		{"deleted", "Deleted"}, {"stale", "Stale"}, {"revoked", "Revoked"}, {"discarded", "Discarded"},
	}
	// The long forms are those of RFC 5280.
	revocationReasons = []word{
		{"unspecified", "unspecified"}, {"key-compromise", "keyCompromise"}, {"ca-compromise", "cACompromise"},
		{"affiliation-changed", "affiliationChanged"}, {"superseded", "superseded"},
		{"cessation-of-operation", "cessationOfOperation"}, {"certificate-hold", "certificateHold"},
		{"privilege-withdrawn", "privilegeWithdrawn"}, {"aa-compromise", "aACompromise"},
	}
	vouchers = []word{
		{"null-string", "Null String"}, {"auth-string", "Authentication String"}, {"lsc", "LSC"},
		{"foreign-lsc", "LSC of another cluster"}, {"unrecorded-lsc", "LSC that is not recorded"}, {"mic", "MIC"},
	}
)

// parse finds a value by its short or its long form, whatever the case. Blanks and marks do
// not count: the vendor's tools write Non Secure, NONSECURE and Non-Secure.
func parse[T ~string](what string, words []word, s string) (T, error) {
	given := plainWord(s)
	for _, w := range words {
		if given == plainWord(w.short) || given == plainWord(w.long) {
			return T(w.short), nil
		}
	}
	return "", fmt.Errorf("%q is not %s; it is one of %s", s, what, strings.Join(shorts(words), ", "))
}

// plainWord is a text in lower case without what is neither a letter nor a digit.
func plainWord(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

func shorts(words []word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.short
	}
	return out
}

func long(words []word, s string) string {
	if i := slices.IndexFunc(words, func(w word) bool { return w.short == s }); i >= 0 {
		return words[i].long
	}
	return s
}

// ParseOperation accepts the short and the long form.
func ParseOperation(s string) (Operation, error) {
	return parse[Operation]("a certificate operation", operations, s)
}

// ParseAuthMode accepts the short and the long form.
func ParseAuthMode(s string) (AuthMode, error) {
	return parse[AuthMode]("an authentication mode", authModes, s)
}

// ParseKeyOrder accepts the short and the long form.
func ParseKeyOrder(s string) (KeyOrder, error) {
	return parse[KeyOrder]("a key order", keyOrders, s)
}

// ParseSecurityMode accepts the short and the long form.
func ParseSecurityMode(s string) (SecurityMode, error) {
	return parse[SecurityMode]("a security mode", securityModes, s)
}

// ParseIPMode accepts the short and the long form.
func ParseIPMode(s string) (IPMode, error) {
	return parse[IPMode]("an IP mode", ipModes, s)
}

// ParseRequestState accepts the short and the long form.
func ParseRequestState(s string) (RequestState, error) {
	return parse[RequestState]("a request state", requestStates, s)
}

// ParseLSCState accepts the short and the long form.
func ParseLSCState(s string) (LSCState, error) {
	return parse[LSCState]("an LSC state", lscStates, s)
}

// ParseRevocationReason accepts the short form and that of RFC 5280.
func ParseRevocationReason(s string) (RevocationReason, error) {
	return parse[RevocationReason]("a reason to revoke for", revocationReasons, s)
}

// Operations lists the short forms, for help texts and completion.
func Operations() []string { return shorts(operations) }

// AuthModes lists the short forms, for help texts and completion.
func AuthModes() []string { return shorts(authModes) }

// KeyOrders lists the short forms, for help texts and completion.
func KeyOrders() []string { return shorts(keyOrders) }

// SecurityModes lists the short forms, for help texts and completion.
func SecurityModes() []string { return shorts(securityModes) }

// IPModes lists the short forms, for help texts and completion.
func IPModes() []string { return shorts(ipModes) }

// RequestStates lists the short forms, for help texts and completion.
func RequestStates() []string { return shorts(requestStates) }

// RevocationReasons lists the short forms, for help texts and completion.
func RevocationReasons() []string { return shorts(revocationReasons) }

// LSCStates lists the short forms, for help texts and completion.
func LSCStates() []string { return shorts(lscStates) }

// Long is the vendor's name of the value.
func (v Operation) Long() string { return long(operations, string(v)) }

// Long is the vendor's name of the value.
func (v AuthMode) Long() string { return long(authModes, string(v)) }

// Long is the vendor's name of the value.
func (v KeyOrder) Long() string { return long(keyOrders, string(v)) }

// Long is the vendor's name of the value.
func (v SecurityMode) Long() string { return long(securityModes, string(v)) }

// Long is the vendor's name of the value.
func (v IPMode) Long() string { return long(ipModes, string(v)) }

// Long is the name that tables show.
func (v RequestState) Long() string { return long(requestStates, string(v)) }

// Long is the name that tables show.
func (v LSCState) Long() string { return long(lscStates, string(v)) }

// Long is the name in RFC 5280.
func (v RevocationReason) Long() string { return long(revocationReasons, string(v)) }

// Long is the name that tables show.
func (v VoucherKind) Long() string { return long(vouchers, string(v)) }

func (v Operation) String() string        { return string(v) }
func (v AuthMode) String() string         { return string(v) }
func (v KeyOrder) String() string         { return string(v) }
func (v SecurityMode) String() string     { return string(v) }
func (v IPMode) String() string           { return string(v) }
func (v RequestState) String() string     { return string(v) }
func (v LSCState) String() string         { return string(v) }
func (v RevocationReason) String() string { return string(v) }
func (v VoucherKind) String() string      { return string(v) }
func (v Status) String() string           { return string(v) }
