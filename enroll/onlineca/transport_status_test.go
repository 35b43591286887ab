package onlineca

import (
	"testing"
	"time"
)

func TestRetryAfterIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	if d := retryAfter(map[string][]string{"Retry-After": {"2147483647"}}, now); d != 24*time.Hour {
		t.Error(d)
	}
}
