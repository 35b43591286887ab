package enroll

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"capf/enroll/acceptance"
	"capf/enroll/onlineca"
	"capf/internal/apperr"
	"capf/store"
)

// When the change of a parameter is in force.
const (
	atOnce       = "at once"
	nextSession  = "for the next session"
	afterRestart = "after service restart"
)

// Parameter is one service parameter.
type Parameter struct {
	Name    string
	Range   string // in words
	Default string
	Effect  string // when a change is in force
	Help    string
	Values  []string // the words that it takes; nil when it is a number
	Secret  bool     // it is never shown, and set by SetSecret
	min     int
	max     int
	parse   func(value string) (string, error) // of a value that is neither; gives the form in which it is stored
}

// Settings are all parameters, parsed.
type Settings struct {
	Issuer           string
	ValidityDays     int
	KeepAlive        time.Duration
	Port             int
	IPv6             bool
	FIPS             bool
	TLSMinVersion    uint16
	OperationExpires time.Duration
	KeygenTimeout    time.Duration
	KeygenRetry      int
	MaxSessions      int // 0 = no limit
	MaxPerAddress    int // 0 = no limit
	AllowExpiredMIC  bool
	WrongPerAddress  int // wrong strings from an address until it is declined; 0 = no limit
	UnconfirmedLimit int // keys that a phone may send without confirming an LSC; 0 = no limit
	AllowNullString  bool
	StringDigits     int      // the least number of digits of an authentication string
	SingleUse        bool     // an authentication string is good for one operation
	AcceptUnrecorded bool     // an LSC of an issuer of ours that is not in the record counts
	RenewBefore      float64  // share of an LSC's life after which it is renewed; 0 = never
	ApplyCommand     []string // program and arguments, {device} not replaced yet; nil = none
	Online           OnlineSettings
}

// The names of the parameters.
const (
	pIssuer           = "certificate_issuer"
	pValidityDays     = "certificate_validity_days"
	pKeepAlive        = "keep_alive"
	pPort             = "capf_phone_port"
	pIPv6             = "enable_ipv6"
	pFIPS             = "fips_mode"
	pTLSMinVersion    = "tls_min_version"
	pOperationExpires = "operation_expires_days"
	pKeygenTimeout    = "keygen_timeout"
	pKeygenRetry      = "keygen_retry"
	pMaxSessions      = "max_sessions"
	pMaxPerAddress    = "max_sessions_per_address"
	pAllowExpiredMIC  = "allow_expired_mic"
	pAcceptUnrecorded = "accept_unrecorded_lsc"
	pAllowNullString  = "allow_null_string"
	pStringDigits     = "auth_string_digits"
	pSingleUse        = "auth_string_single_use"
	pWrongPerAddress  = "wrong_strings_per_address"
	pUnconfirmedLimit = "unconfirmed_limit"
	pRenewBefore      = "renew_before"
	pApplyCommand     = "apply_config_command"
)

// The issuers.
const (
	IssuerCAPF    = "capf"       // LSCs are signed with the CAPF key itself
	IssuerOffline = "offline-ca" // requests wait until an operator imports certificates
)

var (
	tlsVersions = map[string]uint16{
		"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
	}
	parameters = append([]Parameter{
		choice(pIssuer, IssuerCAPF, nextSession, "who signs LSCs: CAPF itself, a CA that is asked at once, or one whose certificates an operator imports",
			IssuerCAPF, IssuerOnline, IssuerOffline),
		number(pValidityDays, 1, 1825, "1825", "days", nextSession, "validity of an LSC, cut to the end of its issuer"),
		number(pKeepAlive, 5, 60, "15", "minutes", atOnce, "time between TCP keepalive probes to a phone that waits"),
		number(pPort, 1, 65535, "3804", "", afterRestart, "TCP port on which phones connect"),
		flag(pIPv6, "false", nextSession, "serve phones that connect over IPv6"),
		flag(pFIPS, "false", nextSession, "offer CAPF version 2 only, as the vendor does in FIPS mode"),
		choice(pTLSMinVersion, "1.2", afterRestart, "lowest TLS version; 79xx and 894x phones need 1.0", "1.0", "1.1", "1.2", "1.3"),
		number(pOperationExpires, 1, 365, "10", "days", nextSession, "time that a phone has for a newly scheduled operation"),
		number(pKeygenTimeout, 1, 120, "30", "minutes", nextSession, "time that a phone has to make its key"),
		number(pKeygenRetry, 0, 100, "3", "", nextSession, "how often a phone that fails to make a key is asked again"),
		number(pMaxSessions, 0, 1000000, "10000", "(0 = no limit)", atOnce, "phones that are served at the same time"),
		number(pMaxPerAddress, 0, 1000000, "0", "(0 = no limit)", atOnce, "sessions from one address at the same time"),
		flag(pAllowExpiredMIC, "false", nextSession, "accept a MIC, and its issuers, after the end of the validity"),
		flag(pAcceptUnrecorded, "false", nextSession, "accept an LSC of CAPF or a company CA that is not in the record, as after the restore of an older backup"),
		flag(pAllowNullString, "true", nextSession, "let devices authenticate By Null String, which proves nothing"),
		number(pStringDigits, minDigits, maxDigits, "4", "digits", nextSession, "least length of an authentication string; those that are shorter do not count any more"),
		flag(pSingleUse, "false", nextSession, "an authentication string is good for one operation, and goes when that is completed"),
		number(pWrongPerAddress, 0, 1000000, "30", "(0 = no limit)", nextSession, "wrong authentication strings from one address within ten minutes, after which it is declined for ten minutes"),
		number(pUnconfirmedLimit, 0, 1000000, "10", "(0 = no limit)", nextSession, "LSCs that a phone may take without confirming one, after which the device is locked for ten minutes"),
		{Name: pRenewBefore, Default: "0", Effect: atOnce, Range: "0 (never), or 1/10 to 19/20, as 2/3, 0.66 or 66%", parse: parseShare,
			Help: "share of the life of an LSC after which Install/Upgrade is scheduled by itself; the vendor advises 2/3"},
		{Name: pApplyCommand, Default: noCommand, Effect: atOnce, Range: "none, or the path of a program and its arguments with {device}", parse: checkCommand,
			Help: "makes a phone fetch its configuration and so contact CAPF; it is run without a shell"},
	}, onlineParameters()...)
)

func number(name string, low, high int, def, unit, effect, help string) Parameter {
	return Parameter{Name: name, Default: def, Effect: effect, Help: help, min: low, max: high,
		Range: strings.TrimSpace(fmt.Sprintf("%d to %d %s", low, high, unit))}
}

func choice(name, def, effect, help string, values ...string) Parameter {
	return Parameter{Name: name, Default: def, Effect: effect, Help: help, Values: values, Range: strings.Join(values, ", ")}
}

func flag(name, def, effect, help string) Parameter {
	return choice(name, def, effect, help, "true", "false")
}

// Parameters lists all parameters in the order in which they are shown.
func Parameters() []Parameter { return slices.Clone(parameters) }

// FindParameter finds a parameter by its name; a hyphen stands for an
// underscore, and the case does not matter.
func FindParameter(name string) (Parameter, bool) {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	for _, p := range parameters {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

// normalize checks a value and gives the form in which it is stored.
func (p Parameter) normalize(value string) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "", apperr.BadValue("the value of %s is empty; it takes %s", p.Name, p.Range)
	case !utf8.ValidString(value):
		return "", apperr.BadValue("the value of %s is not UTF-8", p.Name)
	case p.parse != nil:
		return p.parse(value)
	}
	value = strings.ToLower(value)
	if p.Values != nil {
		if slices.Contains(p.Values, value) {
			return value, nil
		}
		return "", apperr.BadValue("%s must be %s, not %q", p.Name, orList(p.Values), value)
	}
	n, err := ParseNumber(value, p.min, p.max)
	if err != nil {
		return "", apperr.BadValue("%s must be a number from %d to %d, not %q", p.Name, p.min, p.max, value)
	}
	return strconv.Itoa(n), nil
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Change tells what setting a parameter did.
type Change struct {
	Name, Old, New string
	Changed        bool
	Effect         string
	Warning        string    // "" when there is nothing to warn of
	Dropped        []string  // secrets that belonged to the old value, and have gone with it
	Missing        []Finding // what is to be done before the value is of use
	Touched        *Touched  // nil for a parameter that is not about some devices
}

// SetParameter sets a parameter. An unknown name gives store.ErrNotFound, a
// value out of range apperr.ErrValue with the range.
func (r *Rules) SetParameter(ctx context.Context, actor store.Actor, name, value string) (Change, error) {
	p, ok := FindParameter(name)
	if !ok {
		return Change{}, apperr.WithHint(fmt.Errorf("parameter %q: %w", name, store.ErrNotFound), "capf show lists all parameters")
	}
	if p.Secret {
		return Change{}, apperr.WithHint(apperr.Refused("%s is a secret, which never comes as an argument", p.Name), "%s", SecretHint(p.Name))
	}
	value, err := p.normalize(value)
	if err != nil {
		return Change{}, err
	}
	set, err := r.Store.Parameters(ctx)
	if err != nil {
		return Change{}, err
	}
	if err := excluded(p.Name, value, set); err != nil {
		return Change{}, err
	}
	c := Change{Name: p.Name, Old: p.Default, New: value, Effect: p.Effect, Warning: warning(p.Name, value)}
	old, isSet := set[p.Name]
	if isSet {
		c.Old = old
	}
	if c.Changed = c.Old != c.New; c.Changed {
		c.Touched = touched(c.Name, c.Old, c.New)
	}
	if p.Name == pIssuer && value == IssuerOnline {
		if c.Missing, err = r.missingForIssuer(ctx); err != nil {
			return Change{}, err
		}
	}
	if isSet && !c.Changed {
		return c, nil
	}
	drop := stranded(c, set)
	if c.Dropped, err = r.secretsSet(ctx, drop); err != nil {
		return Change{}, err
	}
	return c, r.Store.SetParameter(ctx, actor, p.Name, value, drop...)
}

// warning says what a value costs.
func warning(name, value string) string {
	switch {
	case name == pTLSMinVersion && (value == "1.0" || value == "1.1"):
		return "TLS 1.0 and 1.1 and their RSA and CBC suites are weak; keep them only as long as 79xx or 894x phones need them"
	case name == pAllowExpiredMIC && value == "true":
		return "phones can now authenticate with certificates that have expired"
	case name == pAcceptUnrecorded && value == "true":
		return "certificates that were issued before the record begins, or after the backup that was restored, count now, also those that cannot be revoked; set it back when the phones have new ones"
	case name == pApplyCommand:
		return commandWarning(value)
	}
	return ""
}

// Value is a parameter as it stands.
type Value struct {
	Parameter
	Value string
	Set   bool // false when the default is in force
}

// Values lists all parameters as they stand.
func (r *Rules) Values(ctx context.Context) ([]Value, error) {
	set, err := r.Store.Parameters(ctx)
	if err != nil {
		return nil, err
	}
	var values []Value
	for _, p := range Parameters() {
		v := Value{Parameter: p, Value: p.Default}
		if s, ok := set[p.Name]; ok {
			v.Value, v.Set = s, true
		}
		if p.Secret {
			_, err := r.Store.Secret(ctx, p.Name)
			if err == nil {
				v.Value, v.Set = shownSecret, true
			} else if !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
		}
		values = append(values, v)
	}
	return values, nil
}

// Settings reads all parameters. What the database holds was checked when it
// was set; a value that a later version has narrowed gives apperr.ErrValue.
func (r *Rules) Settings(ctx context.Context) (Settings, error) {
	set, err := r.Store.Parameters(ctx)
	if err != nil {
		return Settings{}, fmt.Errorf("reading the parameters: %w", err)
	}
	text := func(name string) string {
		p, _ := FindParameter(name)
		value, ok := set[name]
		if !ok {
			return p.Default
		}
		value, nerr := p.normalize(value)
		if nerr != nil && err == nil {
			err = nerr
		}
		return value
	}
	num := func(name string) int { n, _ := strconv.Atoi(text(name)); return n }
	s := Settings{
		Issuer:           text(pIssuer),
		ValidityDays:     num(pValidityDays),
		KeepAlive:        time.Duration(num(pKeepAlive)) * time.Minute,
		Port:             num(pPort),
		IPv6:             text(pIPv6) == "true",
		FIPS:             text(pFIPS) == "true",
		TLSMinVersion:    tlsVersions[text(pTLSMinVersion)],
		OperationExpires: time.Duration(num(pOperationExpires)) * 24 * time.Hour,
		KeygenTimeout:    time.Duration(num(pKeygenTimeout)) * time.Minute,
		KeygenRetry:      num(pKeygenRetry),
		MaxSessions:      num(pMaxSessions),
		MaxPerAddress:    num(pMaxPerAddress),
		AllowExpiredMIC:  text(pAllowExpiredMIC) == "true",
		WrongPerAddress:  num(pWrongPerAddress),
		UnconfirmedLimit: num(pUnconfirmedLimit),
		AllowNullString:  text(pAllowNullString) == "true",
		StringDigits:     num(pStringDigits),
		SingleUse:        text(pSingleUse) == "true",
		AcceptUnrecorded: text(pAcceptUnrecorded) == "true",
		RenewBefore:      share(text(pRenewBefore)),
		ApplyCommand:     words(text(pApplyCommand)),
		Online: OnlineSettings{
			Type: onlineca.Type(text(pOnlineType)), Host: unset(text(pOnlineHost)), Port: num(pOnlinePort),
			Template: unset(text(pOnlineTemplate)), Username: unset(text(pOnlineUsername)),
			RequireNTLM: text(pOnlineRequireNTLM) == "true",
			Leniency:    acceptance.Leniency{Ahead: time.Duration(num(pClockTolerance)) * time.Minute, AnyPurpose: text(pRequireClientAuth) == "false"},
		},
	}
	return s, err
}
