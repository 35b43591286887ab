#!/bin/sh
# openssl-ca.sh: a throw-away CA with openssl, to try the offline workflow.
#
#   openssl-ca.sh init CA               make the CA in the new folder CA: a root
#                                       and below it an intermediate; CA/chain.pem
#                                       holds the certificates of both
#   openssl-ca.sh sign CA CSRS OUT      sign each CSRS/NAME.csr with the intermediate;
#                                       OUT/NAME.der becomes the certificate
#
# CA, CSRS and OUT are folders. Names may hold any character but a newline. The
# keys of the CA are not encrypted and it checks nothing: it takes the subject,
# the key usage and the name of the phone from the request, because capf has
# made that request and checks what comes back. Use a CA of your own for phones
# that matter.
#
# DAYS, from the environment, is the validity of a phone's certificate (365).
set -eu

usage() {
	sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# absolute FOLDER: its path from the root, since openssl ca runs in the CA's.
absolute() { (cd -- "$1" && pwd -P); }

init() {
	mkdir -- "$1"
	chmod 700 -- "$1"
	cd -- "$1"
	mkdir issued
	: >index.txt
	cat >openssl.cnf <<'CONFIG'
[req]
distinguished_name = name
prompt = no
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = intermediate_ca
[intermediate_ca]
database = index.txt
new_certs_dir = issued
certificate = intermediate.pem
private_key = intermediate.key
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any_name
preserve = yes
# keyUsage and subjectAltName come from the request; [phone] takes precedence.
copy_extensions = copy
x509_extensions = phone
[any_name]
serialNumber = optional
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
[phone]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth, clientAuth, ipsecEndSystem
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CONFIG
	openssl req -x509 -config openssl.cnf -extensions root -newkey rsa:2048 -nodes -sha256 -days 3650 \
		-subj "/O=Throw-away/CN=Throw-away Root" -keyout root.key -out root.pem 2>log || fail
	openssl req -new -config openssl.cnf -newkey rsa:2048 -nodes -sha256 \
		-subj "/O=Throw-away/CN=Throw-away Intermediate" -keyout intermediate.key -out intermediate.csr 2>log || fail
	openssl x509 -req -in intermediate.csr -CA root.pem -CAkey root.key -set_serial "0x$(openssl rand -hex 16)" \
		-sha256 -days 3650 -extfile openssl.cnf -extensions intermediate -out intermediate.pem 2>log || fail
	cat intermediate.pem root.pem >chain.pem
	rm -f log
}

fail() {
	cat log >&2
	exit 1
}

sign() {
	ca=$(absolute "$1")
	csrs=$(absolute "$2")
	mkdir -p -- "$3"
	out=$(absolute "$3")
	cd -- "$ca"
	signed=0
	for csr in "$csrs"/*.csr; do
		[ -e "$csr" ] || continue
		name=${csr##*/}
		name=${name%.csr}
		openssl ca -batch -config openssl.cnf -notext -days "${DAYS:-365}" -in "$csr" -out "$out/$name.pem" 2>log || fail
		openssl x509 -in "$out/$name.pem" -outform der -out "$out/$name.der"
		rm -f -- "$out/$name.pem"
		signed=$((signed + 1))
	done
	rm -f log
	[ "$signed" -gt 0 ] || {
		echo "openssl-ca.sh: there is no .csr in $2" >&2
		exit 1
	}
	echo "signed $signed"
}

case ${1:-} in
init) [ $# = 2 ] || usage; init "$2" ;;
sign) [ $# = 4 ] || usage; sign "$2" "$3" "$4" ;;
*) usage ;;
esac
