package offline

// Outcome says what became of one file, or of one certificate in it.
type Outcome string

// The outcomes of an import.
const (
	Imported     Outcome = "imported"
	Stale        Outcome = "stale"         // the phone has made a newer key meanwhile
	AlreadyThere Outcome = "already there" // from an earlier import
	ChainOnly    Outcome = "not a phone's" // a CA certificate, which an import never makes trusted
	Skipped      Outcome = "skipped"       // no certificate, by its name, or not asked for
	Refused      Outcome = "refused"
)

// Row is one line of the plan.
type Row struct {
	Source  string // the file, as named by its archive or folder
	Device  string
	Serial  string // lower-case hexadecimal
	Outcome Outcome
	Reason  string
}

// ImportReport says what an import did, or would do.
type ImportReport struct {
	Outcomes map[Outcome]int
	// Overtaken counts those of Imported that became stale after the plan was
	// made, because their phones sent newer keys.
	Overtaken int
	// MissingCAs are the CAs that capf-trust lacks: issuers of refused
	// certificates, and those above them that complete the chain.
	MissingCAs []MissingCA
	// NotForCallManager are the issuers that the call server does not trust yet.
	NotForCallManager []string
}

// MissingCA is a CA certificate that an operator has to upload.
type MissingCA struct {
	Subject string
	Source  string // the file of this import that holds it, if one does
}

// Count returns how many rows had the outcome.
func (r ImportReport) Count(o Outcome) int { return r.Outcomes[o] }

// Rows returns how many there were: files that hold no certificate have one, too.
func (r ImportReport) Rows() (n int) {
	for _, of := range r.Outcomes {
		n += of
	}
	return n
}
