package country

import "testing"

func TestCode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"DE": "DE", "de": "DE", "DEU": "DE", "Germany": "DE", " germany ": "DE", "Germnay": "DE", "USA": "US", "United States": "US", "UK": "GB", "France": "FR",
		"Switzerland": "CH", "Austria": "AT", "Australia": "AU", "Brasil": "BR",
		"": "", "Bavaria": "", "XX": "", "EU": "", "12": "", "Nowhere at all": "",
	} {
		if got, ok := Code(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, ok, want)
		}
	}
	for code, want := range map[string]string{"DE": "Germany", "GB": "United Kingdom", "": "", "ZZ": ""} {
		if got := Name(code); got != want {
			t.Errorf("%q is %q, want %q", code, got, want)
		}
	}
}
