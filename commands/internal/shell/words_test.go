package shell

import (
	"fmt"
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ line, want string }{
		{"", "[]"},
		{"  csr\tlist ", "[csr list]"},
		{`device list 'SEP *' "a b"c`, "[device list SEP * a bc]"},
		{`a\ b '\' "\""`, `[a b \ "]`},
		{`'' ""`, "[ ]"},
		{`csr list "`, "usage: a quote is not closed"},
		{`csr list \`, "usage: a quote is not closed"},
		{"csr list | head", `usage: there is no "|" here: this shell runs no other program`},
		{"csr list > file", `usage: there is no ">" here: this shell runs no other program`},
		{"csr list '|'", "[csr list |]"},
		{"csr list; id", "[csr list; id]"},
		{"device add M\xfcller", "usage: the line is not UTF-8"},
		{"$(id) `id` ${HOME} ~ *", "[$(id) `id` ${HOME} ~ *]"},
	} {
		words, err := lineWords(test.line)
		got := fmt.Sprint(plainWords(words))
		if err != nil {
			got = "usage: " + err.Error()
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.line, got, test.want)
		}
	}
	for _, text := range []string{"plain", "two words", "it's", `"`, "a|b", "", "SEP?"} {
		if words, err := lineWords(quoteWord(text)); err != nil || !slices.Equal(plainWords(words), []string{text}) {
			t.Errorf("%q quoted is %s, which reads %q, %v", text, quoteWord(text), plainWords(words), err)
		}
	}
}
