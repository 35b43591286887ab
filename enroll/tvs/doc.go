// Package tvs is the Trust Verification Service: phones ask it about certificates that
// their list does not name, and it vouches for those that our lists, and the trust
// stores kept for it, do name. It holds the certificate with which it shows itself. It
// must not know how lists are composed, or what phones do with an answer.
package tvs
