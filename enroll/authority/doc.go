// Package authority decides who is trusted: it holds the CAPF certificate with its
// key, which signs LSCs, and the trust stores, which say whose certificates count and
// for what. It knows how both are made, how operators change them and how other rooms
// read them. It must not know what a phone may have because of them.
package authority
