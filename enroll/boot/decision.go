package boot

import (
	"fmt"

	"capf/internal/apperr"
)

// Step is a part of the way from DHCP to an LSC.
type Step string

// The steps, in their order.
const (
	CTL           Step = "CTL"
	ITL           Step = "ITL"
	Configuration Step = "configuration"
	TVS           Step = "TVS"
	CAPF          Step = "CAPF"
	LSC           Step = "LSC"
)

// Verdict says what a decision means for the way.
type Verdict string

// The verdicts.
const (
	Good Verdict = "ok"   // the phone goes on
	Note Verdict = "note" // neither good nor bad
	Bad  Verdict = "no"   // the phone does not take or do it
)

// Decision is one decision of the phone, with its reason.
type Decision struct {
	Step    Step
	Verdict Verdict
	Text    string
}

// diary has each decision told.
type diary func(Decision)

// tell reports a decision.
func (d diary) tell(step Step, v Verdict, format string, args ...any) {
	d(Decision{step, v, fmt.Sprintf(format, args...)})
}

// stop reports why the phone goes no further, and returns it as an error.
func (d diary) stop(step Step, hint, format string, args ...any) error {
	d.tell(step, Bad, format, args...)
	return apperr.WithHint(apperr.Refused(format, args...), "%s", hint)
}
