// Package input reads what people write in many places (numbers, times, names), more
// strictly than Go's parsers do. It must not know parameters, flags or columns; the
// caller says what the value was for.
package input
