// Package enroll decides which phones may have a certificate: whether a phone is the
// device that it names, whether its key may be certified, how its request came out,
// and what is recorded about its session. The Registrar holds these rules, and a
// SessionError says why a session ended without success. The package joins store,
// which keeps bytes, with crypto, which knows their meaning. It knows nothing of
// sockets, frames or command lines, or of how a CA is reached.
package enroll
