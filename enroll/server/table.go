package server

import (
	"capf/enroll"
	"capf/enroll/wire"
)

// state is what a session waits for.
type state int

const (
	awaitAuthentication state = iota
	awaitKey
	awaitPossession
	awaitIssuer
	awaitStored
	awaitLSC
	awaitMIC
	awaitDeleted
	over
)

func (s state) String() string {
	return [...]string{"the authentication", "the key", "the proof of possession", "the issuer", "the confirmation of the LSC", "the LSC", "the MIC",
		"the confirmation of the deletion", "nothing"}[s]
}

// step names the state in events.
func (s state) step() string {
	return [...]string{"authenticate", "key", "possession", "issue", "store", "fetch", "fetch", "delete", "end"}[s]
}

// steps is what a session does with a frame, by its command.
type steps map[wire.Command]func(*session, wire.Frame) error

// table has the answer that each state waits for.
var table = map[state]steps{
	awaitAuthentication: {wire.CmdAuthResponse: (*session).authenticate},
	awaitKey:            {wire.CmdKeyGenerateResponse: (*session).key},
	awaitStored:         {wire.CmdStoreCertificateResponse: (*session).stored},
	awaitLSC:            {wire.CmdFetchCertificateResponse: (*session).fetched},
	awaitMIC:            {wire.CmdFetchCertificateResponse: (*session).fetched},
	awaitDeleted:        {wire.CmdDeleteCertificateResponse: (*session).deleted},
	// In awaitIssuer the phone has nothing to answer. In awaitPossession it
	// signs in the middle of the step that makes the request (possession.go).
}

// anyTime is what a phone may say in every state: its user may lose patience,
// and one that needs long for a key may need long for its flash too.
var anyTime = steps{
	wire.CmdRequestInProgress: (*session).inProgress,
	wire.CmdAbortRequest:      (*session).abort,
}

// take does what the tables say with a frame. One that is in neither is
// malformed.
func (s *session) take(f wire.Frame) error {
	for _, row := range []steps{table[s.state], anyTime} {
		if step, ok := row[f.Command]; ok {
			return step(s, f)
		}
	}
	return enroll.Malformed("%v is not expected while waiting for %v", f.Command, s.state)
}
