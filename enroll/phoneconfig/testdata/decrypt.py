# decrypt.py FILE KEY SIGNER DIGEST OUT: decrypts an encrypted configuration file as a phone
# does, and fails if anything in it is not as the published layout says. It knows nothing of
# capf; openssl does the cryptography.
import hashlib, struct, subprocess, sys, tempfile, os

path, key, signer, digest, out = sys.argv[1:]
data = open(path, "rb").read()


def elements(b, padded=False):
    at = 0
    while at < len(b):
        if padded and b[at] == 13:
            at += 1
            continue
        tag, length = b[at], struct.unpack(">H", b[at + 1:at + 3])[0]
        assert at + 3 + length <= len(b), "an element is longer than what is left"
        yield tag, b[at + 3:at + 3 + length], at
        at += 3 + length


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, check=True, capture_output=True).stdout


assert data[5:8] == b"\x02\x00\x02", "HEADERLENGTH is not the second element"
end = struct.unpack(">H", data[8:10])[0]
assert end % 4 == 0
top = {tag: (value, at) for tag, value, at in elements(data[:end], padded=True)}
assert top[1][0] == b"\x02\x00"
assert top[14][0].endswith(b".enc.sgn\x00")
assert 28 not in top
info = {t: v for t, v, _ in elements(top[16][0])}
cipher = {t: v for t, v, _ in elements(info[17])}
wrapped = {t: v for t, v, _ in elements(info[21])}
assert cipher[18] == b"\x00" and wrapped[22] == b"\x00" and wrapped[24] == b"\x01"
assert struct.unpack(">H", wrapped[23])[0] == 8 * len(wrapped[25])

algorithm = {"sha1": b"\x01", "sha512": b"\x03"}[digest]
signature = {t: v for t, v, _ in elements(top[7][0])}
assert signature[8] == algorithm and top[26][0] == algorithm

with tempfile.TemporaryDirectory() as d:
    def keep(name, content):
        with open(os.path.join(d, name), "wb") as f:
            f.write(content)
        return os.path.join(d, name)

    value, at = top[12]
    signed = data[:at] + data[at + 3 + len(value):]
    public = keep("public", openssl("x509", "-in", signer, "-noout", "-pubkey"))
    openssl("dgst", "-" + digest, "-verify", public, "-signature", keep("signature", value), keep("signed", signed))
    secret = openssl("pkeyutl", "-decrypt", "-inkey", key, "-in", keep("key", wrapped[25]))
    assert len(secret) == 16
    plain = openssl("enc", "-d", "-aes-128-cbc", "-nopad", "-K", secret.hex(), "-iv", cipher[19].hex(), "-in", keep("body", data[end:]))

padding = struct.unpack(">H", cipher[20])[0]
assert 1 <= padding <= 16 and plain[-padding:] == b"\x0d" * padding
plain = plain[:-padding]
assert hashlib.new(digest, plain).digest() == top[27][0]
with open(out, "wb") as f:
    f.write(plain)
