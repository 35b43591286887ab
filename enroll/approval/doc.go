// Package approval is the one door for changes that, where parameter approve says so,
// wait until another operator approves them: of the trust stores, of the issuer, of the
// CAPF key and certificate, and of the trust lists of phones. A change that waits is a
// proposal, a document of its inputs, which the same rules carry out once it is approved.
// It must not know who may run a command, nor how the system knows its operators.
package approval
