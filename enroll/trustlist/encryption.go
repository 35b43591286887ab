package trustlist

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Encryption is what the header of an encrypted file says about it.
type Encryption struct {
	IV           []byte
	Padding      int // bytes at the end of the plain text, 1 to 16
	KeyBits      int // of the phone's RSA key
	KeyAlgorithm byte
	Key          []byte // AES, encrypted with the phone's public key
	Digest       Digest // of the plain text
	Sum          []byte

	dataUnknown, keyUnknown []byte // elements 18 and 22, always one zero
}

// aes128 is the one key algorithm that has been seen.
const aes128 = 1

// encryption is h.Encryption, which is made when its first element is read.
func (h *Header) encryption() *Encryption {
	if h.Encryption == nil {
		h.Encryption = &Encryption{}
	}
	return h.Encryption
}

func (e *Encryption) take(element Element) {
	v := element.Value
	switch element.Tag {
	case headerDataUnknown:
		e.dataUnknown = v
	case headerIV:
		e.IV = v
	case headerPlainPadding:
		e.Padding = int(binary.BigEndian.Uint16(v))
	case headerKeyUnknown:
		e.keyUnknown = v
	case headerKeyBits:
		e.KeyBits = int(binary.BigEndian.Uint16(v))
	case headerKeyAlgorithm:
		e.KeyAlgorithm = v[0]
	case headerKey:
		e.Key = v
	case headerPlainDigest:
		e.Digest = Digest(v[0])
	case headerPlainDigestValue:
		e.Sum = v
	}
}

// check refuses a header that no phone could decrypt by.
func (e *Encryption) check() error {
	switch {
	case len(e.IV) == 0:
		return malformed("it has no IV")
	case e.Padding < 1 || e.Padding > aes.BlockSize:
		return malformed("PLAINPADDING is %d instead of 1 to %d", e.Padding, aes.BlockSize)
	case e.KeyAlgorithm != aes128:
		return malformed("KEYALGORITHM %d is unknown", e.KeyAlgorithm)
	case len(e.Key) == 0:
		return malformed("it has no KEY")
	case len(e.Key)*8 != e.KeyBits:
		return malformed("KEYBITS is %d, but KEY has %d bytes", e.KeyBits, len(e.Key))
	case e.Digest.hash() == 0:
		return malformed("PLAINDIGESTALGORITHM %d is unknown", e.Digest)
	case len(e.Sum) != e.Digest.hash().Size():
		return malformed("PLAINDIGEST has %d bytes instead of %d", len(e.Sum), e.Digest.hash().Size())
	}
	return nil
}

// append writes the elements of the header that are about encryption.
func (e *Encryption) append(b []byte) []byte {
	data := appendElement(nil, headerDataUnknown, 0)
	data = appendElement(data, headerIV, e.IV...)
	data = appendElement(data, headerPlainPadding, binary.BigEndian.AppendUint16(nil, uint16(e.Padding))...)
	key := appendElement(nil, headerKeyUnknown, 0)
	key = appendElement(key, headerKeyBits, binary.BigEndian.AppendUint16(nil, uint16(e.KeyBits))...)
	key = appendElement(key, headerKeyAlgorithm, e.KeyAlgorithm)
	key = appendElement(key, headerKey, e.Key...)
	b = appendElement(b, headerEncryption, appendElement(appendElement(nil, headerDataInfo, data...), headerKeyInfo, key...)...)
	b = appendElement(b, headerPlainDigest, byte(e.Digest))
	return appendElement(b, headerPlainDigestValue, e.Sum...)
}

// IsOf says whether a plain file is the one that was encrypted, by its digest.
func (e *Encryption) IsOf(plain []byte) bool { return bytes.Equal(e.Digest.sum(plain), e.Sum) }

// CheckRecipient refuses a certificate of a phone to which nothing can be encrypted.
func CheckRecipient(phone *x509.Certificate) error {
	key, ok := phone.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		return fmt.Errorf("files are encrypted with RSA keys only, and the phone has an %s key", keyKind(phone.PublicKey))
	case key.N.BitLen()%8 != 0 || key.N.BitLen() < minRSA:
		return fmt.Errorf("nothing can be encrypted with an RSA key of %d bits", key.N.BitLen())
	}
	return nil
}

// Encrypt writes the encrypted form of a file, which only the phone with the key of that
// certificate, its LSC or else its MIC, can read. The name is as with SignFile, and ends
// in .enc.sgn.
func Encrypt(name string, plain []byte, phone *x509.Certificate, s Signer, at time.Time) ([]byte, error) {
	if err := CheckRecipient(phone); err != nil {
		return nil, err
	}
	if s.Digest.hash() == 0 {
		return nil, fmt.Errorf("%s is no digest that phones know: sha1 or sha512", s.Digest)
	}
	public := phone.PublicKey.(*rsa.PublicKey)
	secret, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	rand.Read(secret)
	rand.Read(iv)
	//lint:ignore SA1019 it is what phones decrypt
	key, err := rsa.EncryptPKCS1v15(rand.Reader, public, secret)
	if err != nil {
		return nil, fmt.Errorf("encrypting the key for the phone: %w", err)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	body := append(append(make([]byte, 0, len(plain)+padding), plain...), bytes.Repeat([]byte{headerPadding}, padding)...)
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	h := Header{Version: versionEncrypted, FileName: name, Time: at, Encryption: &Encryption{
		IV: iv, Padding: padding, KeyBits: public.N.BitLen(), KeyAlgorithm: aes128, Key: key,
		Digest: s.Digest, Sum: s.Digest.sum(plain),
	}}
	return h.sign(s, body)
}

// ErrOtherKey says that a file was encrypted for another key.
var ErrOtherKey = errors.New("it was encrypted for another key than this one")

// Decrypt returns the plain file, with the phone's private key. It does not verify the
// signature. Where the key is another one, the error is ErrOtherKey.
func (f *File) Decrypt(key *rsa.PrivateKey) ([]byte, error) {
	e := f.Encryption
	switch {
	case e == nil:
		return nil, errors.New("it is not encrypted")
	case len(f.Body) == 0 || len(f.Body)%aes.BlockSize != 0:
		return nil, malformed("its %d encrypted bytes are no whole blocks", len(f.Body))
	case e.KeyBits != key.N.BitLen():
		return nil, ErrOtherKey
	}
	//lint:ignore SA1019 it is how files for phones are encrypted; nobody learns from afar whether it failed
	secret, err := rsa.DecryptPKCS1v15(nil, key, e.Key)
	if err != nil || len(secret) != 16 {
		return nil, ErrOtherKey
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(f.Body))
	cipher.NewCBCDecrypter(block, e.IV).CryptBlocks(plain, f.Body)
	plain = plain[:len(plain)-e.Padding]
	if !e.IsOf(plain) {
		return nil, ErrOtherKey
	}
	return plain, nil
}
