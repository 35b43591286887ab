// Package lists holds the trust lists of phones: the keys that sign them, what they carry,
// which list a device gets, and the folder in which they are kept. It must not know the
// bytes of a list, nor how a phone gets it.
package lists
