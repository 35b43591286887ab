package offline

// Outcome is what becomes of one file, or one certificate in it.
type Outcome string

// The outcomes of an import.
const (
	Imported     Outcome = "imported"
	Stale        Outcome = "stale"         // the phone has made a newer key meanwhile
	AlreadyThere Outcome = "already there" // an earlier import brought it
	ChainOnly    Outcome = "not a phone's" // a CA certificate: never trusted by arriving
	Skipped      Outcome = "skipped"       // not a certificate by its name, or not asked for
	Refused      Outcome = "refused"
)

// Row is one line of the plan.
type Row struct {
	Source  string // the file, as its archive or folder names it
	Device  string
	Serial  string // lower-case hexadecimal
	Outcome Outcome
	Reason  string
}

// ImportReport is what an import did, or would do.
type ImportReport struct {
	Outcomes map[Outcome]int
	// Overtaken are those of Imported that became stale after the plan was
	// made, because their phones sent newer keys.
	Overtaken int
	// MissingCAs are not in capf-trust: issuers for which certificates were
	// refused, and those above them that complete the chain.
	MissingCAs []MissingCA
	// NotForCallManager are the issuers that the call server does not trust yet.
	NotForCallManager []string
}

// MissingCA is a CA certificate that an operator has to upload.
type MissingCA struct {
	Subject string
	Source  string // the file of this import that holds it, if one does
}

// Count is how many rows had the outcome.
func (r ImportReport) Count(o Outcome) int { return r.Outcomes[o] }
