package settings

import (
	"slices"
	"strings"
	"time"

	"capf/enroll/onlineca"
)

// The names of the parameters that other rooms mention in messages.
const (
	Issuer           = "certificate_issuer"
	LSCName          = "lsc_common_name"
	Port             = "capf_phone_port"
	CAPFAddresses    = "capf_addresses"
	TLSMinVersion    = "tls_min_version"
	FIPSMode         = "fips_mode"
	AcceptUnrecorded = "accept_unrecorded_lsc"
	AllowNullString  = "allow_null_string"
	StringDigits     = "auth_string_digits"
	SingleUse        = "auth_string_single_use"
	RenewBefore      = "renew_before"
	ApplyCommand     = "apply_config_command"
	ExpiryWarning    = "expiry_warning_days"
	NotifyCommand    = "notify_command"
	Approve          = "approve"
	ApprovalExpires  = "approval_expires"

	ProvisionFolder   = "provision_folder"
	ProvisionPort     = "provision_port"
	ProvisionTFTPPort = "provision_tftp_port"
	TVSPort           = "tvs_port"
	ListFolder        = "trust_list_folder"
	ListDigest        = "trust_list_digest"
	ListSignerVersion = "trust_list_signer_version"

	OnlineHost        = "online_ca_hostname"
	OnlinePort        = "online_ca_port"
	OnlineTemplate    = "online_ca_template"
	OnlineType        = "online_ca_type"
	OnlineUsername    = "online_ca_username"
	OnlinePassword    = "online_ca_password"
	OnlineCertificate = "online_ca_client_certificate"
)

// The issuers.
const (
	IssuerCAPF    = "capf"       // LSCs are signed with the CAPF key itself
	IssuerOnline  = "online-ca"  // a company CA issues at once, over the network
	IssuerOffline = "offline-ca" // requests wait until an operator imports certificates
)

// The values of eap_authentication.
const (
	EAPKept     = "keep"
	EAPUser     = "user"
	EAPDisabled = "disabled"
	EAPEnabled  = "enabled"
	EAPWithLSC  = "with-lsc"
)

// How many digits an authentication string has, unless auth_string_digits
// requires more.
const (
	MinDigits = 4
	MaxDigits = 10
)

// parameters is the table of all parameters, in the order in which they are shown.
// A new one is a row here and a field of Settings.
var parameters = []Parameter{
	choice(Issuer, IssuerCAPF, nextSession, "who signs LSCs: CAPF itself, a CA that is asked at once, or one whose certificates an operator imports",
		func(s *Settings, v string) { s.Issuer = v }, IssuerCAPF, IssuerOnline, IssuerOffline).excludes(fipsOrOnline).approvedAs(IssuerSubject),
	number("certificate_validity_days", 1, 1825, "1825", "days", nextSession, "validity of an LSC, cut to the end of its issuer",
		func(s *Settings, n int) { s.ValidityDays = n }).everyday(),
	custom(LSCName, namePlace, "{name}, or text before it, as CP-{model}-{name}",
		"common name of an LSC whose phone has shown no MIC; {name} alone where the model is not known",
		checkCommonName, func(s *Settings, v string) { s.LSCName = v }).effective(nextSession),
	text("lsc_organizational_unit", "none, or a name of at most 64 characters", "organizational unit (OU) of LSCs, in place of the issuer's", checkUnit,
		func(s *Settings, v string) { s.LSCUnit = v }).effective(nextSession),
	number("keep_alive", 5, 60, "15", "minutes", atOnce, "time between TCP keepalive probes to a phone that waits",
		func(s *Settings, n int) { s.KeepAlive = minutes(n) }).everyday(),
	number(Port, 1, 65535, "3804", "", afterRestart, "TCP port on which phones connect",
		func(s *Settings, n int) { s.Port = n }).everyday(),
	text(CAPFAddresses, "none, or at most 5 names or addresses with commas between them", "where phones are told to find CAPF and TVS: in their configuration files; none is the address of this host",
		parseAddresses, func(s *Settings, v string) { s.Addresses = listOf(v) }),
	choice("eap_authentication", EAPKept, atOnce, "802.1X in configuration files of phones: as each file has it, as the user decides, or on or off; with-lsc is on once the phone has an LSC",
		func(s *Settings, v string) { s.EAP = v }, EAPKept, EAPUser, EAPDisabled, EAPEnabled, EAPWithLSC),
	flag("enable_ipv6", "false", nextSession, "serve phones that connect over IPv6",
		func(s *Settings, on bool) { s.IPv6 = on }).everyday(),
	flag(FIPSMode, "false", nextSession, "offer CAPF version 2 only, as the vendor does in FIPS mode",
		func(s *Settings, on bool) { s.FIPS = on }).excludes(fipsOrOnline),
	choice(TLSMinVersion, "1.2", afterRestart, "lowest TLS version; 79xx and 894x phones need 1.0",
		func(s *Settings, v string) { s.TLSMinVersion = tlsVersions[v] }, "1.0", "1.1", "1.2", "1.3").
		warns(oldTLS),
	number("operation_expires_days", 1, 365, "10", "days", nextSession, "time that a phone has for a newly scheduled operation",
		func(s *Settings, n int) { s.OperationExpires = time.Duration(n) * 24 * time.Hour }).everyday(),
	number("keygen_timeout", 1, 120, "30", "minutes", nextSession, "time that a phone has to make its key",
		func(s *Settings, n int) { s.KeygenTimeout = minutes(n) }).everyday(),
	number("keygen_retry", 0, 100, "3", "", nextSession, "how often a phone that fails to make a key is asked again",
		func(s *Settings, n int) { s.KeygenRetry = n }).everyday(),
	number("max_sessions", 0, 1000000, "10000", "(0 = no limit)", atOnce, "phones that are served at the same time",
		func(s *Settings, n int) { s.MaxSessions = n }).everyday(),
	number("max_sessions_per_address", 0, 1000000, "0", "(0 = no limit)", atOnce, "sessions from one address at the same time",
		func(s *Settings, n int) { s.MaxPerAddress = n }).everyday(),
	flag("allow_expired_mic", "false", nextSession, "accept a MIC, and its issuers, after the end of the validity",
		func(s *Settings, on bool) { s.AllowExpiredMIC = on }).
		warnsIf("true", "phones can now authenticate with certificates that have expired"),
	flag(AcceptUnrecorded, "false", nextSession, "accept an LSC of CAPF or a company CA that is not in the record, as after the restore of an older backup",
		func(s *Settings, on bool) { s.AcceptUnrecorded = on }).
		warnsIf("true", "certificates that were issued before the record begins, or after the backup that was restored, count now, also those that cannot be revoked; set it back when the phones have new ones"),
	flag(AllowNullString, "true", nextSession, "let devices authenticate By Null String, which proves nothing",
		func(s *Settings, on bool) { s.AllowNullString = on }).
		touches(byNullString),
	number(StringDigits, MinDigits, MaxDigits, "4", "digits", nextSession, "least length of an authentication string; those that are shorter do not count any more",
		func(s *Settings, n int) { s.StringDigits = n }).
		touches(byStringLength),
	flag(SingleUse, "false", nextSession, "an authentication string is good for one operation, and goes when that is completed",
		func(s *Settings, on bool) { s.SingleUse = on }).
		touches(bySingleUse),
	number("wrong_strings_per_address", 0, 1000000, "30", "(0 = no limit)", nextSession, "wrong authentication strings from one address within ten minutes, after which it is declined for ten minutes",
		func(s *Settings, n int) { s.WrongPerAddress = n }),
	number("unconfirmed_limit", 0, 1000000, "10", "(0 = no limit)", nextSession, "LSCs that a phone may take without confirming one, after which the device is locked for ten minutes",
		func(s *Settings, n int) { s.UnconfirmedLimit = n }),
	custom(RenewBefore, "0", "0 (never), or 1/10 to 19/20, as 2/3, 0.66 or 66%", "share of the life of an LSC after which Install/Upgrade is scheduled by itself; the vendor advises 2/3",
		parseShare, func(s *Settings, v string) { s.RenewBefore = share(v) }).everyday(),
	custom(ApplyCommand, notSet, "none, or the path of a program and its arguments with {device}", "makes a phone fetch its configuration and so contact CAPF; it is run without a shell",
		checkApplyCommand, func(s *Settings, v string) { s.ApplyCommand = words(v) }).
		warns(commandWarning).approvedAs(ProgramSubject),
	number(ExpiryWarning, 1, 365, "30", "days", atOnce, "how long before the end of a certificate capf status begins to warn",
		func(s *Settings, n int) { s.ExpiryWarning = time.Duration(n) * 24 * time.Hour }).everyday(),
	custom(NotifyCommand, notSet, "none, or the path of a program and its arguments", "tells operators of what capf status finds, which it gets as JSON on stdin; serve runs it, without a shell",
		checkNotifyCommand, func(s *Settings, v string) { s.NotifyCommand = words(v) }).
		warns(commandWarning).approvedAs(ProgramSubject),
	number("notify_every", 1, 720, "24", "hours", atOnce, "how often notify_command is told of a finding that stays; each hour in the last day before something ends",
		func(s *Settings, n int) { s.NotifyEvery = time.Duration(n) * time.Hour }).everyday(),
	text(Approve, "none, or a list of trust, issuer, regenerate and trust-list", "changes that wait until another operator approves them: of trust stores, of the issuer and the online CA, of the CAPF key and certificate, of the trust lists of phones; with any of them, also of this parameter and of the programs that serve runs",
		parseSubjects, func(s *Settings, v string) { s.Approve = listOf(v) }).approvedAs(ApproveSubject),
	custom(ApprovalExpires, "7d", "1h to 90d", "time that other operators have to approve a change",
		parseWait, func(s *Settings, v string) { s.ApprovalWait, _ = wait(v) }),

	text(ProvisionFolder, "none, or the path of a folder", "folder with configuration files, firmware and the like, which the service provision gives to whoever asks; lists and what concerns security it makes itself", parseFolder,
		func(s *Settings, v string) { s.ProvisionFolder = v }).keeps(CheckPublicFolder),
	number(ProvisionPort, 1, 65535, "6970", "", atOnce, "TCP port on which the service provision gives files by HTTP",
		func(s *Settings, n int) { s.ProvisionPort = n }).everyday(),
	number(ProvisionTFTPPort, 1, 65535, "69", "", atOnce, "UDP port on which the service provision gives files by TFTP",
		func(s *Settings, n int) { s.ProvisionTFTPPort = n }).everyday(),
	number(TVSPort, 1, 65535, "2445", "", atOnce, "TCP port on which the service tvs answers phones; another one than 2445 stands in their configuration files",
		func(s *Settings, n int) { s.TVSPort = n }).everyday(),
	text(ListFolder, "none, or the path of a folder", "folder in which serve keeps the trust lists of phones, for a TFTP or web server; trust-list write takes it too", parseFolder,
		func(s *Settings, v string) { s.ListFolder = v }).keeps(CheckPublicFolder),
	choice(ListDigest, "sha1", atOnce, "digest under the signature of trust lists; phones of the 79xx and 69xx series get sha1 in any case",
		func(s *Settings, v string) { s.ListDigest = v }, "sha1", "sha512").
		warnsIf("sha512", "phones whose model is not known get it too; those of the 79xx and 69xx series do not take it, so set the model of their devices"),
	choice(ListSignerVersion, "1.0", atOnce, "signer version of trust lists; 1.1 is what EC LSCs and HTTPS on port 6971 need, and devices with an EC key order get it in any case",
		func(s *Settings, v string) { s.ListSignerVersion = v }, "1.0", "1.1").
		warnsIf("1.1", "phones with old firmware do not know it; those of the 79xx and 69xx series keep 1.0, if the model of their devices is set"),

	text(OnlineHost, "none, or the name in the HTTPS certificate", "host name of the online CA", parseHost,
		func(s *Settings, v string) { s.Online.Host = v }).approvedAs(IssuerSubject),
	number(OnlinePort, 1, 65535, "443", "", atOnce, "TCP port of the online CA",
		func(s *Settings, n int) { s.Online.Port = n }).approvedAs(IssuerSubject),
	text(OnlineTemplate, "none, or a name", "certificate template of the CA (microsoft), or label in the path (est)", parseLine,
		func(s *Settings, v string) { s.Online.Template = v }).excludes(templateOfKind).approvedAs(IssuerSubject),
	choice(OnlineType, typesOfCA()[0], atOnce, "kind of the online CA: "+namesOfCAs(),
		func(s *Settings, v string) { s.Online.Type = onlineca.Type(v) }, typesOfCA()...).excludes(templateOfKind).approvedAs(IssuerSubject),
	text(OnlineUsername, `none, or a name, such as DOMAIN\user or user@realm`, "user name at the online CA", parseLine,
		func(s *Settings, v string) { s.Online.Username = v }).approvedAs(IssuerSubject),
	secret(OnlinePassword, "none, or a password, from a file or asked for", "password at the online CA").approvedAs(IssuerSubject),
	secret(OnlineCertificate, "none, or a PEM file with certificate and private key", "certificate with which an EST server knows us").approvedAs(IssuerSubject),
	flag("online_ca_require_ntlm", "false", atOnce, "give the password only to a CA whose web server offers NTLM",
		func(s *Settings, on bool) { s.Online.RequireNTLM = on }).approvedAs(IssuerSubject),
	number("clock_tolerance", 0, 60, "5", "minutes", atOnce, "by how much the clock of another CA may be ahead of ours",
		func(s *Settings, n int) { s.Online.Leniency.Ahead = minutes(n) }).approvedAs(IssuerSubject),
	flag("require_client_auth", "true", atOnce, "refuse an LSC of another CA whose extendedKeyUsage excludes clientAuth, which 802.1X and SIP over TLS ask for",
		func(s *Settings, on bool) { s.Online.Leniency.AnyPurpose = !on }).approvedAs(IssuerSubject),
}

// typesOfCA are the values of online_ca_type, the default first.
func typesOfCA() (types []string) {
	for _, k := range onlineca.Kinds() {
		types = append(types, string(k.Type))
	}
	return types
}

func namesOfCAs() string {
	var names []string
	for _, k := range onlineca.Kinds() {
		names = append(names, k.Name)
	}
	return orList(names)
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// Parameters lists all parameters in the order in which they are shown.
func Parameters() []Parameter { return slices.Clone(parameters) }

// FindParameter finds a parameter by its name. A hyphen may stand for an
// underscore, and case does not matter.
func FindParameter(name string) (Parameter, bool) {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	for _, p := range parameters {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

// oldTLS warns about a weak lowest version of TLS.
func oldTLS(version string) string {
	if version == "1.0" || version == "1.1" {
		return "TLS 1.0 and 1.1 and their RSA and CBC suites are weak; keep them only as long as 79xx or 894x phones need them"
	}
	return ""
}
