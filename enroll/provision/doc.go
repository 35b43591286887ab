// Package provision decides which files a phone may have, and makes those that depend
// on the phone: its trust lists, and its configuration with what concerns security put
// into it, signed and encrypted where its list asks for that. It must not know how a
// file is carried.
package provision
