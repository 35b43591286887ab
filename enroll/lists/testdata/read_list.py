# Reads a trust list, written from the description of the format alone, and prints
# what is in it, a line for each header element and record.
import struct, sys

data = open(sys.argv[1], "rb").read()
containers = {3, 7, 9}
header_length = struct.unpack(">H", data[8:10])[0]
assert header_length % 4 == 0 and data[0] == 1 and data[5] == 2


def elements(at, end, padded):
    while at < end:
        tag = data[at]
        if padded and tag == 13:
            assert set(data[at:end]) == {13} and end - at < 4, "padding"
            return
        length = struct.unpack(">H", data[at + 1:at + 3])[0]
        assert at + 3 + length <= end, "an element ends behind its container"
        yield tag, at + 3, length
        at += 3 + length
    assert at == end


def walk(at, end, padded):
    for tag, start, length in elements(at, end, padded):
        yield tag, data[start:start + length]
        if tag in containers:
            yield from walk(start, start + length, False)


header = dict(walk(0, header_length, True))
text = lambda value: value[:-1].decode() if value.endswith(b"\0") else "no NUL"
print("version %s signer %s digest %d file %s time %d" % (header[1].hex(), header[28].hex(), header[8][0], text(header[14]), struct.unpack(">I", header[15])[0]))
print("by %s serial %s signature %d" % (text(header[4]), header[5].hex(), len(header[12])))
at = header_length
while at < len(data):
    assert data[at:at + 3] == b"\1\0\2"
    length = struct.unpack(">H", data[at + 3:at + 5])[0]
    record = {tag: data[start:start + n] for tag, start, n in elements(at + 5, at + length, False)}
    print("role %d subject %s dns %s key %d certificate %s" % (struct.unpack(">H", record[4])[0], text(record[3]), text(record.get(2, b"-\0")), len(record[7]), record[9][:2].hex()))
    at += length
assert at == len(data)
