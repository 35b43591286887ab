// Package authority is about who may be believed: the CAPF certificate with its key,
// which signs LSCs, and the trust stores, which say whose certificates count and for
// what. It knows how both are made, changed by operators, and read by everybody else;
// it must not know what a phone may have because of them.
package authority
