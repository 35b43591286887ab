package settings

import (
	"bytes"
	"strings"

	"capf/internal/document"
	"capf/internal/similar"
)

// Described is a parameter as somebody has written down that it should be.
type Described struct {
	Line   int
	Name   string
	Value  string // in the form in which it is stored; of a secret, none removes it
	Secret []byte // of a secret, from the file that is named
}

// keyParameters is what stands above the parameters in a document.
const keyParameters = "parameters"

// secretFile is what stands before the file with a secret, in a document as a key.
const secretFile = "file"

// Describe reads parameters from a YAML document, or from lines that each hold a name
// and a value. The file with a secret is opened with open, which is told the
// parameter. All that is wrong is in the error, a document.Problems.
func Describe(data []byte, open func(parameter, file string) ([]byte, error)) ([]Described, error) {
	r := describing{open: open, seen: map[string]int{}, secretForm: "{" + secretFile + ": NAME}"}
	data, err := document.Plain(data)
	if err != nil {
		return nil, err
	}
	if !document.Is(data) {
		r.secretForm = secretFile + ":NAME"
		r.lines(data)
		return r.all, r.problems.Err()
	}
	root, err := document.Read(data)
	if err != nil {
		return nil, err
	}
	if list := root.Under(&r.problems, keyParameters); list != nil {
		r.document(list)
	}
	return r.all, r.problems.Err()
}

// describing is the reading of one file.
type describing struct {
	open       func(parameter, file string) ([]byte, error)
	all        []Described
	seen       map[string]int // name → line
	secretForm string         // how a secret is written
	problems   document.Problems
}

// lines reads a name and a value from each line. A line that begins with # is a
// comment.
func (r *describing) lines(data []byte) {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		name, value := text, ""
		if i := strings.IndexAny(text, " \t"); i > 0 {
			name, value = text[:i], strings.TrimSpace(text[i:])
		}
		file, is := strings.CutPrefix(value, secretFile+":")
		r.take(n, name, value, strings.TrimSpace(file), is)
	}
}

func (r *describing) document(list *document.Node) {
	if list.Kind != document.Map {
		r.problems.Add(list.Line, "%s are names with values", keyParameters)
		return
	}
	for _, e := range list.Entries {
		switch e.Value.Kind {
		case document.Map:
			fields := e.Value.Fields(&r.problems, secretFile)
			if file := fields[secretFile].Word(&r.problems, secretFile); file != "" {
				r.take(e.Line, e.Key, "", file, true)
			}
		case document.List:
			r.problems.Add(e.Line, "%s has one value, not a list", e.Key)
		default:
			r.take(e.Line, e.Key, e.Value.Text, "", false)
		}
	}
}

// take takes one parameter, from a file if that is said.
func (r *describing) take(line int, name, value, file string, fromFile bool) {
	p, known := FindParameter(name)
	switch first, twice := r.seen[p.Name]; {
	case !known && strings.HasSuffix(name, ":"): // as in YAML, but the text was read as lines
		r.problems.Add(line, "there is no parameter %q: a document in YAML begins with version: 1", name)
		return
	case !known:
		r.problems.Add(line, "there is no parameter %q%s", name, nearest(name))
		return
	case twice:
		r.problems.Add(line, "%s stands in line %d already", p.Name, first)
		return
	case p.Secret && !fromFile && !strings.EqualFold(value, notSet):
		r.problems.Add(line, "%s is a secret: write the name of the file that holds it, as %s, or none", p.Name, r.secretForm)
		return
	case !p.Secret && fromFile:
		r.problems.Add(line, "%s is no secret: write its value", p.Name)
		return
	}
	r.seen[p.Name] = line
	d := Described{Line: line, Name: p.Name, Value: value}
	if fromFile {
		var err error
		if d.Secret, err = r.open(p.Name, file); err == nil {
			err = checkSecret(p.Name, d.Secret)
		}
		if err != nil {
			r.problems.Add(line, "%v", err)
			return
		}
	}
	if !p.Secret {
		var err error
		if d.Value, err = p.normalize(value); err != nil {
			r.problems.Add(line, "%v", err)
			return
		}
	}
	r.all = append(r.all, d)
}

// nearest guesses what parameter was meant.
func nearest(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	best, least := "", len(name)/3+1
	for _, p := range parameters {
		if d := similar.Distance(name, p.Name); d < least {
			best, least = p.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}
