package catest

import (
	"encoding/binary"
	"math/bits"
)

// md4 is RFC 1320. NTLM's password hash needs it and the standard library has
// it not.
func md4(message []byte) [16]byte {
	padded := append(append([]byte(nil), message...), 0x80)
	for len(padded)%64 != 56 {
		padded = append(padded, 0)
	}
	padded = binary.LittleEndian.AppendUint64(padded, uint64(len(message))*8)
	state := [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}
	for ; len(padded) > 0; padded = padded[64:] {
		state = md4Block(state, padded[:64])
	}
	var out [16]byte
	for i, word := range state {
		binary.LittleEndian.PutUint32(out[4*i:], word)
	}
	return out
}

func md4Block(state [4]uint32, block []byte) [4]uint32 {
	var x [16]uint32
	for i := range x {
		x[i] = binary.LittleEndian.Uint32(block[4*i:])
	}
	order := [3][16]int{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15},
		{0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15},
	}
	shift := [3][4]int{{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}}
	add := [3]uint32{0, 0x5a827999, 0x6ed9eba1}
	a, b, c, d := state[0], state[1], state[2], state[3]
	for round := range 3 {
		for i := range 16 {
			var f uint32
			switch round {
			case 0:
				f = b&c | ^b&d
			case 1:
				f = b&c | b&d | c&d
			case 2:
				f = b ^ c ^ d
			}
			a = bits.RotateLeft32(a+f+x[order[round][i]]+add[round], shift[round][i%4])
			a, b, c, d = d, a, b, c
		}
	}
	return [4]uint32{state[0] + a, state[1] + b, state[2] + c, state[3] + d}
}
