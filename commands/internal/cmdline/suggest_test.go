package cmdline

import "testing"

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"list", "show", "delete", "stale-lsc", "--json", "--pool", "job"}
	for word, want := range map[string]string{
		"lsit": `did you mean "list"?`, "lst": `did you mean "list"?`, "DELETE": `did you mean "delete"?`,
		"stale": `did you mean "stale-lsc"?`, "--jsno": `did you mean "--json"?`, "enroll": "otherwise", "": "otherwise",
		"--with-pool": `did you mean "--pool"?`, "foo": "otherwise", "jbo": `did you mean "job"?`, "jo": `did you mean "job"?`,
	} {
		if got := DidYouMean(word, known, "otherwise"); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
