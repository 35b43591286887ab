// Package lists holds the trust lists of phones: the keys that sign them. It must not know
// the bytes of a list, nor how a phone gets it.
package lists
