// Package input reads what people write in many places – numbers, times, names –
// more strictly than the parsers of the language do. It knows no parameter, flag
// or column; who asks says what the value was for.
package input
