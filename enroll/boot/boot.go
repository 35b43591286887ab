package boot

import (
	"context"
	stdcrypto "crypto"
	"errors"

	"capf/enroll/phone"
	"capf/enroll/transfer"
)

// Config describes one phone that boots once.
type Config struct {
	Device string          // SEP and the digits of its MAC address
	Model  string          // as TVS is told, such as CP-8861
	Source transfer.Source // the server of DHCP option 150
	Held   Held
	Memory Memory
	MIC    *phone.Identity // nil for a phone without one

	// Servers and TVSServers are HOST:PORT pairs in place of those in the configuration, for
	// a network in which those cannot be reached; nil for none.
	Servers, TVSServers []string

	// Phone says how the phone speaks to CAPF: TLS, limits of time, the authentication
	// string. Where CAPF is, how the phone proves who it is, and what it stores is decided
	// here.
	Phone phone.Config

	// Explain fetches and decides, but keeps nothing, and ends with the TLS handshake of
	// CAPF, which shows its certificate.
	Explain bool
	Tell    func(Decision)
}

// Held is what a phone has kept since it was started last.
type Held struct {
	CTL, ITL      []byte // files; nil for none
	Configuration []byte // the last one that it took
	LSC           *phone.Identity
}

// Memory stores what the phone keeps. None of it is called with Explain.
type Memory struct {
	List          func(step Step, file []byte) error
	Configuration func(file []byte) error
	LSC           func(certDER []byte, key stdcrypto.Signer) error
	Forget        func() error // the LSC
}

// Outcome is how the way ended.
type Outcome string

// The outcomes.
const (
	Enrolled    Outcome = "enrolled"
	Deleted     Outcome = "deleted"               // its LSC
	Fetched     Outcome = "fetched"               // the server got its certificates
	WouldEnroll Outcome = "would contact CAPF"    // without Explain
	NotAsked    Outcome = "does not contact CAPF" // because its configuration does not ask it to
	Nothing     Outcome = "nothing to do"         // says CAPF
	Stopped     Outcome = "does not enroll"
)

// Result is how the way ended, and what the phone holds then.
type Result struct {
	Outcome Outcome
	HasLSC  bool
	Session phone.Result
}

// handset is a phone on its way.
type handset struct {
	Config
	*belongings
	tvs   voucher
	asked bool // the server, so that it is told where
	// why the phone goes to CAPF although its configuration does not ask for it, "" for
	// nothing.
	despite string
}

// Run boots the phone. An error of the kind apperr.ErrRefused says why it does not enroll;
// others come from the network, or from Memory. All decisions have been told by then.
func Run(ctx context.Context, c Config) (Result, error) {
	h := &handset{Config: c, belongings: &belongings{diary: c.Tell, memory: c.Memory, explain: c.Explain, lsc: c.Held.LSC, mic: c.MIC}}
	outcome, session, err := h.boot(ctx)
	if err != nil {
		outcome = Stopped
	}
	return Result{outcome, h.lsc != nil, session}, err
}

func (h *handset) boot(ctx context.Context) (Outcome, phone.Result, error) {
	none := phone.Result{}
	if err := h.recall(h.Held); err != nil {
		return "", none, err
	}
	if err := h.fetchLists(ctx); err != nil {
		return "", none, err
	}
	if err := h.fetchConfiguration(ctx); err != nil {
		return "", none, err
	}
	proof, asked, err := h.proof()
	if err != nil || !asked {
		return NotAsked, none, err
	}
	if h.Explain {
		return WouldEnroll, none, (&visit{h}).look(ctx, proof)
	}
	session, err := (&visit{h}).enroll(ctx, proof)
	if err != nil {
		return "", session, err
	}
	outcome := map[phone.Outcome]Outcome{
		phone.Installed: Enrolled, phone.Deleted: Deleted, phone.Fetched: Fetched, phone.Nothing: Nothing,
	}[session.Outcome]
	if outcome == Enrolled || outcome == Deleted {
		err = h.again(ctx)
	}
	return outcome, session, err
}

// again is what follows a change of the LSC: the phone reads its configuration again.
func (h *handset) again(ctx context.Context) error {
	h.tell(Configuration, Note, "the LSC has changed, so the phone reads its configuration again")
	if err := h.fetchConfiguration(ctx); err != nil {
		return err
	}
	if _, asked, err := h.proof(); asked || err != nil {
		h.tell(CAPF, Note, "the configuration still sends the phone to CAPF: it will come at each restart")
	}
	return nil
}

// isNothing reports whether the server has no such file.
func isNothing(err error) bool { return errors.Is(err, transfer.ErrNotFound) }
