package server

import (
	"capf/enroll"
	"capf/enroll/wire"
	"capf/store"
)

// state says what a session waits for.
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

// step returns the name of the state in events.
func (s state) step() string {
	return [...]string{"authenticate", "key", "possession", "issue", "store", "fetch", "fetch", "delete", "end"}[s]
}

// vendors returns the state in the words of the vendor's state machine, which
// operators see.
func (s state) vendors() store.SessionState {
	return [...]store.SessionState{store.AwaitAuthentication, store.AwaitKey, store.AwaitPossession, store.AwaitCA, store.AwaitStored,
		store.AwaitFetched, store.AwaitFetched, store.AwaitDeleted, store.SessionIdle}[s]
}

// steps says what a session does with a frame, by the frame's command.
type steps map[wire.Command]func(*session, wire.Frame) error

// answers has, for each state, the answer that it waits for. In awaitIssuer the
// phone owes no answer. The answer of awaitPossession is read inside the step
// that makes the request (proof_of_possession.go).
var answers = map[state]steps{
	awaitAuthentication: {wire.CmdAuthResponse: (*session).authResponse},
	awaitKey:            {wire.CmdKeyGenerateResponse: (*session).keyResponse},
	awaitStored:         {wire.CmdStoreCertificateResponse: (*session).storeResponse},
	awaitLSC:            {wire.CmdFetchCertificateResponse: (*session).fetchResponse},
	awaitMIC:            {wire.CmdFetchCertificateResponse: (*session).fetchResponse},
	awaitDeleted:        {wire.CmdDeleteCertificateResponse: (*session).deleteResponse},
}

// atAnyTime has the frames that a phone may send in every state: its user may
// lose patience, and a phone that is slow to make a key may be slow to write its
// flash too.
var atAnyTime = steps{
	wire.CmdRequestInProgress: requestInProgress,
	wire.CmdAbortRequest:      abortRequest,
}

// take handles a frame as the tables say. A frame that is in neither is
// malformed.
func (s *session) take(f wire.Frame) error {
	for _, row := range []steps{answers[s.state], atAnyTime} {
		if step, ok := row[f.Command]; ok {
			return step(s, f)
		}
	}
	return enroll.Malformed("%v is not expected while waiting for %v", f.Command, s.state)
}

// requestInProgress ignores the frame, which hardware phones send at once and
// may repeat. It does not extend the deadline, which is for the whole answer.
func requestInProgress(_ *session, f wire.Frame) error {
	if _, err := wire.ParseRequestInProgress(f); err != nil {
		return enroll.Malformed("%v", err)
	}
	return nil
}

// abortRequest ends the session for the phone's user; the operation stays
// scheduled.
func abortRequest(_ *session, f wire.Frame) error {
	if _, err := wire.ParseAbortRequest(f); err != nil {
		return enroll.Malformed("%v", err)
	}
	return enroll.Aborted()
}
