package trustlist

import (
	"encoding/binary"
	"math"
	"time"
)

// TVSAnswer is what TVS says of a certificate.
type TVSAnswer struct {
	Query       bool // it answers a query
	Session     uint32
	Valid       bool
	Certificate []byte // DER; of a query whose certificate is valid
	Roles       []Role // what it may be used for, when it is valid
	Keep        time.Duration
}

// The values of a status.
const (
	tvsValid   = 0
	tvsInvalid = 1
)

// ParseTVSAnswer reads the frame of an answer. An error wraps ErrMalformed.
func ParseTVSAnswer(frame []byte) (a TVSAnswer, err error) {
	f, err := parseTVSFrame(frame)
	if err != nil {
		return a, err
	}
	switch f.command {
	case tvsVerifyResponse:
	case tvsQueryResponse:
		a.Query = true
	case tvsVerifyRequest, tvsQueryRequest:
		return a, malformed("a question, and no answer")
	default:
		return a, malformed("command %d is not known", f.command)
	}
	a.Session = f.session
	status, ok, err := f.value(tvsStatus, 1)
	switch {
	case err != nil:
		return a, err
	case !ok:
		return a, malformed("it has no %s", tvsTagName(tvsStatus))
	case status[0] != tvsValid && status[0] != tvsInvalid:
		return a, malformed("%s is %d, which is neither valid nor invalid", tvsTagName(tvsStatus), status[0])
	}
	a.Valid = status[0] == tvsValid
	a.Certificate = f.elements[tvsCertificate]
	for _, role := range f.elements[tvsRoles] {
		a.Roles = append(a.Roles, Role(role))
	}
	keep, ok, err := f.value(tvsKeep, 4)
	if ok && err == nil {
		a.Keep = time.Duration(binary.BigEndian.Uint32(keep)) * time.Second
	}
	return a, err
}

// Marshal is the frame of the answer. What an invalid certificate may be used for, and
// for how long, is left out, as the open server does.
func (a *TVSAnswer) Marshal() ([]byte, error) {
	command := byte(tvsVerifyResponse)
	if a.Query {
		command = tvsQueryResponse
	}
	if !a.Valid {
		return marshalTVS(command, a.Session, appendElement(nil, tvsStatus, tvsInvalid))
	}
	var roles []byte
	for _, r := range a.Roles {
		if r > math.MaxUint8 {
			return nil, malformed("the role %s does not fit into a byte", r)
		}
		roles = append(roles, byte(r))
	}
	seconds := a.Keep / time.Second
	if seconds < 0 || seconds > math.MaxUint32 {
		return nil, malformed("the time %s does not fit into four bytes of seconds", a.Keep)
	}
	if len(a.Certificate) > MaxTVSBody {
		return nil, malformed("the certificate does not fit into a TVS frame")
	}
	b := appendElement(nil, tvsStatus, tvsValid)
	if len(a.Certificate) > 0 {
		b = appendElement(b, tvsCertificate, a.Certificate...)
	}
	b = appendElement(b, tvsRoles, roles...)
	b = appendElement(b, tvsKeep, binary.BigEndian.AppendUint32(nil, uint32(seconds))...)
	return marshalTVS(command, a.Session, b)
}

// May reports whether the answer allows the use of the certificate in a role.
func (a *TVSAnswer) May(role Role) bool {
	for _, r := range a.Roles {
		if a.Valid && r.Includes(role) {
			return true
		}
	}
	return false
}
