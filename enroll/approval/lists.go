package approval

// Lists takes the changes of whom phones trust because of their trust lists.
type Lists struct{ desk Desk }

// Lists is the part of the desk for the trust lists of phones.
func (d Desk) Lists() Lists { return Lists{d} }
