package sample

import "testing"

func TestCheck(t *testing.T) {
	if Check(2) != nil || Check(5) == nil {
		t.Fail()
	}
}

func TestSum(t *testing.T) {
	if Sum(1, 2, -7) != 3 {
		t.Fail()
	}
}

func TestForever(t *testing.T) { Forever(3) }
