// Package crypto holds what keys, requests and certificates mean to CAPF: which
// keys a phone may bring, how the CAPF certificate and an LSC are built, what is
// checked before a certificate is believed, and how secrets are sealed at rest.
//
// It knows no database, no network and none of the other packages: bytes, keys
// and times come in as values and a verdict goes out. Callers that also need the
// standard library's package of this name import that one as stdcrypto.
package crypto
