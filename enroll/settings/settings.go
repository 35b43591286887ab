package settings

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"capf/enroll/onlineca"
	"capf/store"
)

// Settings are the values of all parameters that are in force, except the
// secrets, which are opened only where they are used.
type Settings struct {
	Issuer           string
	ValidityDays     int
	LSCName          string // the pattern of common names; LSCCommonName fills it in
	LSCUnit          string // the OU of LSCs; "" for the issuer's
	KeepAlive        time.Duration
	Port             int
	Addresses        []string // where phones are told to find CAPF; nil = this host
	EAP              string   // 802.1X in configuration files
	IPv6             bool
	FIPS             bool
	TLSMinVersion    uint16
	OperationExpires time.Duration
	KeygenTimeout    time.Duration
	KeygenRetry      int
	MaxSessions      int // 0 = no limit
	MaxPerAddress    int // 0 = no limit
	AllowExpiredMIC  bool
	WrongPerAddress  int // wrong strings from an address before it is declined; 0 = no limit
	UnconfirmedLimit int // keys that a phone may send without confirming an LSC; 0 = no limit
	AllowNullString  bool
	StringDigits     int           // minimum number of digits in an authentication string
	SingleUse        bool          // an authentication string is good for one operation
	AcceptUnrecorded bool          // an LSC of one of our issuers counts even if it is not in the record
	RenewBefore      float64       // share of an LSC's life after which it is renewed; 0 = never
	ApplyCommand     []string      // program and arguments, with {device} still in them; nil = none
	ExpiryWarning    time.Duration // how long before the end of a certificate warnings begin
	NotifyCommand    []string      // program and arguments; nil = none
	NotifyEvery      time.Duration
	Approve          []string      // kinds of changes that wait for another operator; nil = none
	ApprovalWait     time.Duration // how long they do
	Online           Online

	ProvisionFolder   string // "" when no files of a folder are given to phones
	ProvisionPort     int
	ProvisionTFTPPort int
	TVSPort           int
	ListFolder        string // "" when serve keeps trust lists nowhere
	ListDigest        string // sha1 or sha512
	ListSignerVersion string // 1.0 or 1.1
}

// Online says which CA the issuer online-ca asks.
type Online struct {
	Type     onlineca.Type
	Host     string // "" when it is not set
	Port     int
	Template string
	Username string
	// RequireNTLM withholds the password from a server that does not offer
	// NTLM.
	RequireNTLM bool
	Leniency    Leniency
}

// Leniency is what parameters tolerate in an LSC of another CA.
type Leniency struct {
	Ahead      time.Duration // how far the CA's clock may be ahead of ours
	AnyPurpose bool          // its extendedKeyUsage need not allow clientAuth
}

// Name tells one CA from another.
func (o Online) Name() string {
	return string(o.Type) + " " + net.JoinHostPort(o.Host, strconv.Itoa(o.Port))
}

var tlsVersions = map[string]uint16{
	"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

// Read reads all parameters. Stored values were checked when they were set; one
// that a later version no longer accepts is apperr.ErrValue.
func Read(ctx context.Context, s *store.Reader) (Settings, error) {
	set, err := s.Parameters(ctx)
	if err != nil {
		return Settings{}, fmt.Errorf("reading the parameters: %w", err)
	}
	var all Settings
	for _, p := range parameters {
		if p.Secret {
			continue
		}
		value, ok := set[p.Name]
		if !ok {
			value = p.Default
		} else if value, err = p.normalize(value); err != nil {
			return Settings{}, err
		}
		p.into(&all, value)
	}
	return all, nil
}

// AfterRestart are the values, by name, of the parameters that serve reads only
// when it begins to listen.
func (s Settings) AfterRestart() map[string]string {
	values := map[string]string{Port: strconv.Itoa(s.Port)}
	for word, version := range tlsVersions {
		if version == s.TLSMinVersion {
			values[TLSMinVersion] = word
		}
	}
	return values
}

// Value is a parameter with its present value.
type Value struct {
	Parameter
	Value string
	Set   bool // false when the default is in force
}

// Values lists all parameters with their present values, except those of
// secrets.
func Values(ctx context.Context, s *store.Reader) ([]Value, error) {
	set, err := s.Parameters(ctx)
	if err != nil {
		return nil, err
	}
	var values []Value
	for _, p := range parameters {
		v := Value{Parameter: p, Value: p.Default}
		if stored, ok := set[p.Name]; ok {
			v.Value, v.Set = stored, true
		}
		if p.Secret {
			is, err := HasSecret(ctx, s, p.Name)
			if err != nil {
				return nil, err
			}
			if is {
				v.Value, v.Set = shownSecret, true
			}
		}
		values = append(values, v)
	}
	return values, nil
}
