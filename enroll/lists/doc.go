// Package lists holds the trust lists that we make for phones: the keys that sign them,
// what they carry, which list a device gets, and the folder in which they are kept. It must
// not know the bytes of a list, which are those of package trustlist, nor how a phone gets
// it.
package lists
