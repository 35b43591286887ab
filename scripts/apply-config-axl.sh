#!/bin/sh
# apply-config-axl.sh SETTINGS DEVICE: makes a phone of the vendor's server fetch its
# configuration by AXL applyPhone, for apply_config_command of capf. It needs curl.
#
#   install -m 755 scripts/apply-config-axl.sh /usr/local/bin/capf-apply-config
#   capf set apply_config_command '/usr/local/bin/capf-apply-config /etc/capf/axl {device}'
#
# SETTINGS is a file for nobody but the user of capf (mode 0600), with lines NAME=VALUE:
#
#   host=cucm-pub.example.com
#   user=capf-axl
#   password=...
#   ca=/etc/capf/cucm-tomcat.pem      (without it: the CAs that this host trusts)
#   version=14.0                      (of the AXL schema; 12.5 without it)
#
# docs/apply-config.md has the rights that the user needs, and where the CA comes from.
set -eu

refuse() { # EXIT-CODE TEXT: the last line is what capf shows
	printf '%s\n' "$2" >&2
	exit "$1"
}

[ $# = 2 ] || refuse 64 "usage: apply-config-axl.sh SETTINGS DEVICE"
settings=$1 device=$2
[ -r "$settings" ] || refuse 66 "$settings cannot be read"
case $(ls -ldL -- "$settings") in
-???------*) ;;
*) refuse 77 "$settings has the password and can be read by others: chmod 600 it" ;;
esac

host='' user='' password='' ca='' version=12.5
while IFS= read -r line || [ -n "$line" ]; do
	line=${line%"$(printf '\r')"}
	value=${line#*=}
	case $line in
	'' | '#'*) ;;
	host=*) host=$value ;;
	user=*) user=$value ;;
	password=*) password=$value ;;
	ca=*) ca=$value ;;
	version=*) version=$value ;;
	*) refuse 65 "$settings has a line that is not host=, user=, password=, ca= or version=" ;; # not shown: it may be a password
	esac
done <"$settings"
for name in host user password; do
	eval "value=\$$name"
	[ -n "$value" ] || refuse 65 "$settings has no $name="
done
case $host in
*[!A-Za-z0-9.:\[\]-]*) refuse 65 "$settings: host= is not a name or an address" ;;
*']:'*) ;;
*']') host=$host:8443 ;; # an IPv6 address
*:*) ;;
*) host=$host:8443 ;;
esac
case $version in
*[!0-9.]*) refuse 65 "$settings: version= is not a version of AXL, such as 14.0" ;;
esac
case $user in
*:*) refuse 65 "$settings: user= has a colon" ;;
esac

xml() { printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'; }
quoted() { printf '"%s"' "$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"; } # for curl's config

body="<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:ns=\"http://www.cisco.com/AXL/API/$version\"><soapenv:Header/><soapenv:Body><ns:applyPhone><name>$(xml "$device")</name></ns:applyPhone></soapenv:Body></soapenv:Envelope>"

# The password reaches curl by stdin: arguments are for all to see. There is no option
# for a server whose certificate is not trusted.
ask() {
	{
		# Not echo, which may take a backslash for its own.
		printf 'url = %s\n' "$(quoted "https://$host/axl/")"
		printf 'user = %s\n' "$(quoted "$user:$password")"
		printf 'data-binary = %s\n' "$(quoted "$body")"
		printf 'header = "Content-Type: text/xml; charset=utf-8"\n'
		printf 'header = %s\n' "$(quoted "SOAPAction: \"CUCM:DB ver=$version applyPhone\"")"
		[ -z "$ca" ] || printf 'cacert = %s\n' "$(quoted "$ca")"
	} | curl -q --config - --silent --show-error --proto =https --max-time 15 --connect-timeout 10 --max-filesize 1000000 --write-out '\n%{http_code}' 2>&1
}

for rest in 2 4 0; do
	said=$(ask) || refuse 69 "AXL at $host: $(printf '%s' "$said" | grep -m 1 '^curl: ' || echo "curl failed")"
	code=$(printf '%s' "$said" | tail -n 1)
	# 503: the server has too much to do at present, and says so for AXL in particular.
	[ "$code" = 503 ] || break
	[ $rest = 0 ] || sleep $rest
done

fault=$(printf '%s' "$said" | tr '\r\n' '  ' | sed -n 's/.*<faultstring[^>]*>\([^<]*\)<\/faultstring>.*/\1/p' | sed 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&#34;/"/g; s/&apos;/'\''/g; s/&#39;/'\''/g; s/&amp;/\&/g')
if [ -n "$fault" ]; then
	axlcode=$(printf '%s' "$said" | sed -n 's/.*<axlcode>\([0-9-]*\)<\/axlcode>.*/ (\1)/p' | head -n 1)
	refuse 1 "AXL$axlcode: $fault"
fi
case $code in
200) ;;
401 | 403) refuse 77 "AXL at $host does not take the user $user: $code" ;;
503) refuse 75 "AXL at $host has too much to do, three times: 503" ;;
599) refuse 65 "AXL at $host does not speak version $version of the schema: 599" ;;
*) refuse 69 "AXL at $host answers $code" ;;
esac
case $said in
*applyPhoneResponse*) echo "applied the configuration of $device" ;;
*) refuse 69 "AXL at $host answers 200, but not to applyPhone" ;;
esac
