package server

import "capf/enroll/wire"

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

// table is what a session does with a frame. A frame that is not in it is
// malformed.
var table = map[state]map[wire.Command]func(*session, wire.Frame) error{
	awaitAuthentication: {
		wire.CmdAuthResponse: (*session).authenticate,
		wire.CmdAbortRequest: (*session).abort,
	},
	awaitKey: {
		wire.CmdRequestInProgress:   (*session).inProgress,
		wire.CmdKeyGenerateResponse: (*session).key,
		wire.CmdAbortRequest:        (*session).abort,
	},
	// awaitPossession is not here: the phone signs in the middle of the step
	// that makes the request (possession.go).
	awaitIssuer: {
		wire.CmdRequestInProgress: (*session).inProgress,
		wire.CmdAbortRequest:      (*session).abort,
	},
	awaitStored: {
		wire.CmdRequestInProgress:        (*session).inProgress,
		wire.CmdStoreCertificateResponse: (*session).stored,
		wire.CmdAbortRequest:             (*session).abort,
	},
	awaitLSC: {
		wire.CmdFetchCertificateResponse: (*session).fetched,
		wire.CmdAbortRequest:             (*session).abort,
	},
	awaitMIC: {
		wire.CmdFetchCertificateResponse: (*session).fetched,
		wire.CmdAbortRequest:             (*session).abort,
	},
	awaitDeleted: {
		wire.CmdDeleteCertificateResponse: (*session).deleted,
		wire.CmdAbortRequest:              (*session).abort,
	},
}
