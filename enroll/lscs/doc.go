// Package lscs holds what an operator may do with existing LSCs and with requests
// for them: revoke, release, delete. It knows the record; it must not know how an
// LSC is issued or how a phone presents it.
package lscs
