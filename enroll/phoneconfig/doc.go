// Package phoneconfig knows the configuration file of a phone, SEP<mac>.cnf.xml: which
// elements make it contact CAPF, what they have to be for a device, how they are put into a
// file that exists without another byte changing, and how the file is signed and encrypted.
// It must not know how a phone gets the file, nor what a session of CAPF is.
package phoneconfig
