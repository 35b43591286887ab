// Package lscs holds what an operator may do to LSCs that exist, and to the requests
// for them: revoke, release, delete. It knows what the record has; it must not know
// how an LSC is issued or shown by a phone.
package lscs
