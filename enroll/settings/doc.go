// Package settings holds the service parameters: one table says what each is
// called, which values it takes, what it is by default, when a change is in force,
// and where its value goes. Everything that acts on a parameter reads Settings;
// every change of one, by an operator, goes through Set or SetSecret.
//
// The services stand here too: they are switched on and off as parameters are set.
//
// The room knows store, where the values are kept, and onlineca, whose kinds of CA one
// parameter lists. It must not know what anybody does with a setting.
package settings
