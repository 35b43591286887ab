#!/bin/sh
# sign-public-keys.sh CA PUBS OUT: certificates for phones that cannot sign a
# request. PUBS is a folder with the NAME.pub files of an export, CA one that
# openssl-ca.sh init has made; OUT/NAME.der becomes the certificate of the phone
# NAME. A NAME.pub with a NAME.csr beside it is skipped, because the request says
# more: use openssl-ca.sh sign for that.
#
# Possession of the private keys has not been proved: make sure that the export is
# the one that capf has written. Needs openssl 3.0 or newer (x509 -new). Names of
# folders may contain any character but a newline; DAYS, from the environment, is
# the validity of a certificate (365).
set -eu

[ $# = 3 ] || {
	echo "usage: sign-public-keys.sh CA PUBS OUT" >&2
	exit 2
}
ca=$(cd -- "$1" && pwd -P)
pubs=$(cd -- "$2" && pwd -P)
mkdir -p -- "$3"
out=$(cd -- "$3" && pwd -P)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

signed=0
for pub in "$pubs"/*.pub; do
	[ -e "$pub" ] || continue
	name=${pub##*/}
	name=${name%.pub}
	[ ! -e "$pubs/$name.csr" ] || continue
	case $name in
	*[!A-Za-z0-9._-]*) # names of devices; other characters could have a meaning in the configuration
		echo "sign-public-keys.sh: $name is not the name of a device" >&2
		exit 1
		;;
	esac
	usage=keyEncipherment
	if openssl pkey -pubin -in "$pub" -noout -text | grep -q 'ASN1 OID\|NIST CURVE'; then
		usage=keyAgreement
	fi
	cat >"$work/phone.cnf" <<CONFIG
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, $usage
extendedKeyUsage = serverAuth, clientAuth, ipsecEndSystem
subjectAltName = DNS:$name
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CONFIG
	openssl x509 -new -force_pubkey "$pub" -subj "/CN=$name" -days "${DAYS:-365}" -sha256 \
		-CA "$ca/intermediate.pem" -CAkey "$ca/intermediate.key" -set_serial "0x$(openssl rand -hex 16)" \
		-extfile "$work/phone.cnf" -outform der -out "$out/$name.der"
	signed=$((signed + 1))
done
[ "$signed" -gt 0 ] || {
	echo "sign-public-keys.sh: there is no .pub without a .csr in $2" >&2
	exit 1
}
echo "signed $signed"
