// Package cmdline is the tree of commands and everything that follows from it: how
// a command line is read, its help and its completion, and the documents that are
// generated. It must not know what any command does.
package cmdline
