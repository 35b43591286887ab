package store

import (
	"fmt"
	"time"
)

// Device is a phone or softphone with its CAPF settings. Times are zero when
// they are not set.
type Device struct {
	ID           int64
	Name         string
	Description  string
	Model        string
	Pool         string
	SecurityMode SecurityMode
	IPMode       IPMode

	Operation    Operation
	AuthMode     AuthMode
	SealedString []byte // authentication string, sealed; nil when there is none
	KeyOrder     KeyOrder
	RSABits      int
	ECBits       int
	CompletesBy  time.Time
	Status       Status
	// Schedule grows whenever an operation is scheduled, and begins where no
	// earlier device of the name has been. A confirmation clears the operation
	// only when no newer one has been scheduled since.
	Schedule int64

	// StringUsed says that the string has authenticated, and is good for no
	// other operation.
	StringUsed   bool
	WrongStrings int // wrong authentication strings in a row
	// Unconfirmed is how many keys the phone has sent since it last confirmed an
	// LSC, but for the newest.
	Unconfirmed  int
	LockedUntil  time.Time // after too many of either
	LockedFor    LockReason
	NoPossession bool // dropped the session at the possession step once
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Request is a public key that a phone sent to have a certificate made for it.
type Request struct {
	ID        int64
	DeviceID  int64 // 0 when the device has been deleted since
	Device    string
	CreatedAt time.Time
	Schedule  int64  // the device's Schedule at that time
	Issuer    string // capf, online-ca, offline-ca
	KeyKind   string // such as rsa-2048 or ec-384
	KeyHash   []byte // SHA-256 of the SubjectPublicKeyInfo
	PublicKey []byte // DER SubjectPublicKeyInfo
	CSR       []byte // DER PKCS#10, nil when there is none
	Possessed bool   // whether the phone proved possession of the private key
	State     RequestState
	Reason    string // why an issuer rejected it, or what it last said
	Address   string // from which the phone sent it
	Voucher   Voucher
	// Session is the number that BeginInstall gave the session in which it came;
	// it is not read back.
	Session int64
	// Limit is that under which it is submitted; it is not kept.
	Limit   UnconfirmedLimit
	Warning string // of the key, for the event; it is not kept
}

// Voucher is what proved who the phone is that sent a request.
type Voucher struct {
	Kind VoucherKind // empty when an earlier capf did not record it
	// Fingerprint is the SHA-256 of the certificate or, of a string, of its
	// sealed form: it tells one string from the next and cannot be guessed at.
	Fingerprint []byte
}

// String names the voucher for events.
func (v Voucher) String() string {
	if len(v.Fingerprint) == 0 {
		return string(v.Kind)
	}
	return fmt.Sprintf("%s with SHA-256 %x", v.Kind, v.Fingerprint)
}

// LSC is a Locally Significant Certificate, made for one request.
type LSC struct {
	ID          int64
	RequestID   int64 // 0 of a discarded one
	DeviceID    int64 // 0 when the device has been deleted since
	Device      string
	Serial      string // lower-case hexadecimal, no leading zeros
	Subject     string
	Issuer      string
	KeyKind     string
	NotBefore   time.Time
	NotAfter    time.Time
	Certificate []byte // DER; nil of a discarded one
	Fingerprint []byte // SHA-256 of the certificate
	State       LSCState
	IssuedAt    time.Time
	InstalledAt time.Time
	EndedAt     time.Time // when it became stale, replaced or deleted
	RevokedAt   time.Time
	Reason      RevocationReason // why it was revoked
	// Held is the state to which the release of a certificate-hold leads.
	Held LSCState
}

// Purpose is a trust store.
type Purpose string

// The trust stores.
const (
	CAPFTrust        Purpose = "capf-trust"
	CallManagerTrust Purpose = "callmanager-trust"
)

// TrustCertificate is a certificate in one trust store.
type TrustCertificate struct {
	ID          int64
	Purpose     Purpose
	Subject     string
	Issuer      string
	Serial      string
	NotBefore   time.Time
	NotAfter    time.Time
	Certificate []byte // DER
	Fingerprint []byte // SHA-256 of Certificate
	Description string
	For         Uses // what it vouches for; nothing outside capf-trust
	Undecided   bool // what it vouches for was guessed when the database was brought up to date
	AddedAt     time.Time
}

// Identity is the CAPF certificate with its sealed private key.
type Identity struct {
	Chain     [][]byte // DER, the CAPF certificate first
	SealedKey []byte   // PKCS#8, sealed
	CreatedAt time.Time
}

// DeviceCertificate is what a phone gave to a Troubleshoot, or showed when it
// authenticated: for viewing, and for the names of the next LSC.
type DeviceCertificate struct {
	Kind        string // lsc or mic
	Certificate []byte // DER
	SeenAt      time.Time
}

// ActorKind tells operators, phones and capf itself apart.
type ActorKind string

// The kinds of actor.
const (
	Operator ActorKind = "operator"
	Phone    ActorKind = "phone"
	System   ActorKind = "system"
)

// Actor is who causes a change. Each changing method takes one and writes it
// into the event of that change.
type Actor struct {
	Kind     ActorKind
	Name     string // the operator's user name, or the device
	Address  string // of the phone, or of the operator's SSH client
	Terminal string
	Command  string // the operator's command line, without secrets
}

// Event is one line of the record of who did what, when, from where and with
// what outcome. Events are only ever added.
type Event struct {
	ID      int64
	At      time.Time
	Actor   Actor
	Device  string // "" when the event is not about a device
	Action  string // such as device-set, enroll, stale-lsc-delete
	Step    string // of a phone's session, such as authenticate, key, issue, store
	Outcome string // ok, or what went wrong in a word, such as declined
	Detail  string // one line for a person
}

// Service is a service that an operator can activate and deactivate.
type Service struct {
	Name   string // capf or enrollment
	Active bool
	// Restarts counts the restarts that operators have asked for; a running
	// serve that has seen fewer drains and starts again.
	Restarts int64
}

// Server is what a running serve says of itself.
type Server struct {
	PID       int
	Host      string
	Version   string
	Addresses []string // on which it listens; empty while the service is deactivated
	Since     time.Time
	SeenAt    time.Time // of its last report
	Sessions  int
	Restarts  int64 // of the service capf that it has carried out
}
