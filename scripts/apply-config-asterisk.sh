#!/bin/sh
# apply-config-asterisk.sh DRIVER DEVICE [PEERS]: makes a phone that is registered with
# the Asterisk of this host fetch its configuration, for apply_config_command of capf.
#
#   install -m 755 scripts/apply-config-asterisk.sh /usr/local/bin/capf-apply-config
#   capf set apply_config_command '/usr/local/bin/capf-apply-config pjsip {device} /etc/capf/peers'
#
# DRIVER is pjsip, or chan_sip for an Asterisk with the usecallmanager patches. PEERS is
# a file with lines "DEVICE PEER", where peers (of PJSIP: endpoints) have other names
# than the devices. docs/apply-config.md has the NOTIFY that Asterisk needs, and its rights.
set -eu

refuse() { # EXIT-CODE TEXT: the last line is what capf shows
	printf '%s\n' "$2" >&2
	exit "$1"
}

case $# in
2 | 3) driver=$1 device=$2 peers=${3:-} ;;
*) refuse 64 "usage: apply-config-asterisk.sh pjsip|chan_sip DEVICE [PEERS]" ;;
esac

peer=$device
if [ -n "$peers" ]; then
	[ -r "$peers" ] || refuse 66 "$peers cannot be read"
	# Names of devices have no upper and lower case. awk takes its variables from the
	# environment, where nothing in them is special.
	peer=$(DEVICE=$device awk '
		/^[ \t]*(#|$)/ { next }
		NF != 2 { bad = "line " NR " is not DEVICE PEER"; exit }
		tolower($1) == tolower(ENVIRON["DEVICE"]) && !found { found = $2 }
		END { if (bad) { print bad > "/dev/stderr"; exit 1 } print found }' "$peers") || refuse 65 "$peers: see its lines"
	[ -n "$peer" ] || refuse 67 "$peers has no line for $device"
fi
# The name becomes a part of a command line of Asterisk, where a blank or a quote would
# begin another word.
case $peer in
'' | -* | *[!A-Za-z0-9._@+-]*) refuse 65 "\"$peer\" is no name of a peer: letters, digits and . _ @ + -" ;;
esac

case $driver in
pjsip) command="pjsip send notify cisco-restart endpoint $peer" ;;
chan_sip) command="sip notify cisco-restart $peer" ;;
*) refuse 64 "\"$driver\" is not pjsip or chan_sip" ;;
esac

# Asterisk's exit code is 0 whatever the command says, so its words decide.
if ! said=$(asterisk -rx "$command" 2>&1); then
	refuse 69 "asterisk -rx: ${said:-it failed without a word}"
fi
case $said in
*'Unable to '* | *'Could not '* | *'No such command'* | *'Usage: '*)
	# The reason, rather than what follows it.
	refuse 1 "asterisk: $(printf '%s\n' "$said" | grep -m 1 -E 'Unable to |Could not |No such command|Usage: ')"
	;;
*'Sending NOTIFY of type '*) printf '%s\n' "$said" ;;
*) refuse 1 "asterisk has not said that it sends the NOTIFY: ${said:-it said nothing}" ;;
esac
