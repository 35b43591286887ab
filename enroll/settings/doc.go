// Package settings holds the service parameters: one table gives the name of each,
// the values that it takes, its default, when a change takes effect, and the field
// that holds it. Whatever depends on a parameter reads Settings; every change by
// an operator goes through Set or SetSecret.
//
// The services are here too: operators switch them on and off as they set
// parameters.
//
// The room knows store, which keeps the values, and onlineca, whose kinds of CA one
// parameter lists. It must not know what others do with a setting.
package settings
