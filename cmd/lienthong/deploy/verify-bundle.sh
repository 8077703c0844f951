#!/usr/bin/env bash
# A second verifier of evidence bundles, written without a line of the hub: whoever does
# not trust lienthong verify reads this instead. It needs bash, and from Debian 12:
# coreutils, sed, grep, unzip, openssl (3.0), jq and xmllint (libxml2-utils). It uses no
# network.
#
#   verify-bundle.sh BUNDLE.asice --anchors ROOTS.pem --policy LOG-KEYS.tlog [--at TIME]
#
# Exit code 0: passed; 1: failed; 2: undecided; 3: wrong use. What it prints names the
# same steps as lienthong verify (bundles.md). It knows less and says so:
#   - revocation lists are not read, and no algorithm has an end; lienthong verify does both;
#   - of a policy it understands a quorum of none, of one witness, or of one group of
#     witnesses without groups in it;
#   - whether a delivery may go from one state to the next is checked for its end alone.
set -euo pipefail
export LC_ALL=C TZ=UTC

usage() { sed -n '7,11s/^# \{0,1\}//p' "$0" >&2; exit 3; }
bundle='' anchors='' policy='' at=$(date +%s)
while [ $# -gt 0 ]; do
	case $1 in
	--anchors) anchors=${2:?}; shift ;;
	--policy) policy=${2:?}; shift ;;
	--at) at=$(date -d "${2:?}" +%s); shift ;;
	-*) usage ;;
	*) [ -z "$bundle" ] || usage; bundle=$1 ;;
	esac
	shift
done
[ -f "$bundle" ] && [ -f "$anchors" ] && [ -f "$policy" ] || usage
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

result=0
fail() { result=1; echo "FAILED  $*"; exit 1; } # a proof that it is wrong decides at once
doubt() { [ $result -ne 0 ] || result=2; echo "UNDECIDED  $*"; }
ok() { echo "ok  $*"; }

# Bytes: hexadecimal text, and what is hashed as RFC 6962 wants it.
to_hex() { od -An -vtx1 | tr -d ' \n'; }
from_hex() { local i t=''; for ((i = 0; i < ${#1}; i += 2)); do t+="\\x${1:i:2}"; done; printf "$t"; }
from_base64() { base64 -d; }
from_base64url() { local t; t=$(cat); while [ $((${#t} % 4)) -ne 0 ]; do t+='='; done; printf %s "$t" | basenc -d --base64url; }
sha256() { local t; t=$(sha256sum); printf %s "${t%% *}"; }
node() { from_hex "01$1$2" | sha256; }
leaf_of() { { printf '\0'; cat; } | sha256; }

# 1. The container: every file is in the manifest once, as it was sealed.
unzip -tqq "$bundle" >/dev/null 2>&1 || fail "1 container: the archive is damaged"
unzip -Z1 "$bundle" >"$work/names"
[ -z "$(sort "$work/names" | uniq -d)" ] || fail "1 container: two files of one name"
known='^(mimetype|META-INF/(ASiCManifest\.xml|signature\.p7s)|receipts/[0-9]{3}-[A-Za-z0-9_.-]+\.(json|jws|tlog-proof)|log/[0-9]{4}-[0-9]+(-renewal-[0-9]{2})?\.tst|log/[0-9]{4}-[0-9]+-[0-9]+\.consistency|trust/(policy\.tlog|hub-chain\.pem|tsa-chain\.pem|anchors\.pem|trustlist\.json|revocation/[0-9a-f]+\.(crl|ocsp))|validation/archive\.json|content/[0-9]+-[A-Za-z0-9_.-]+)$'
! grep -Evq "$known" "$work/names" || fail "1 container: a file that is none of a bundle: $(grep -Ev "$known" "$work/names" | head -1)"
mkdir "$work/x"
unzip -qq "$bundle" -d "$work/x"
cd_x() { printf '%s/%s' "$work/x" "$1"; }
[ "$(head -1 "$work/names")" = mimetype ] && printf %s application/vnd.etsi.asic-e+zip | cmp -s - "$(cd_x mimetype)" || fail "1 container: no ASiC-E container"
manifest=$(cd_x META-INF/ASiCManifest.xml)
refs="//*[local-name()='DataObjectReference']"
xpath() { xmllint --nonet --xpath "$1" "$manifest" 2>/dev/null; }
count=$(xpath "count($refs)") || fail "1 container: the manifest cannot be read"
xpath "$refs/@URI" | sed -n 's/^ *URI="\(.*\)"$/\1/p' >"$work/listed"
xpath "$refs/*[local-name()='DigestValue']/text()" >"$work/digests"
[ "$(wc -l <"$work/listed")" = "$count" ] && [ "$(grep -c . "$work/digests")" = "$count" ] || fail "1 container: the manifest cannot be read"
{ echo mimetype; cat "$work/listed"; printf '%s\n' META-INF/ASiCManifest.xml META-INF/signature.p7s; } >"$work/sealed"
cmp -s "$work/sealed" "$work/names" || fail "1 container: the manifest lists other files than there are, or in another order"
while read -r name <&3 && read -r digest <&4; do
	[ "$(openssl dgst -sha256 -binary "$(cd_x "$name")" | base64)" = "$digest" ] || fail "1 container: $name is not the file that was sealed"
done 3<"$work/listed" 4<"$work/digests"
ok "1 container: $count files"

# 3. The seal: CAdES over the manifest.
chain=$(cd_x trust/hub-chain.pem)
openssl cms -verify -binary -noverify -inform DER -in "$(cd_x META-INF/signature.p7s)" -content "$manifest" \
	-signer "$work/sealer.pem" -out /dev/null 2>/dev/null || fail "3 signatures: the seal does not hold"
if openssl verify -partial_chain -purpose any -CAfile "$anchors" -untrusted "$chain" -attime "$at" "$work/sealer.pem" >"$work/err" 2>&1; then
	ok "3 seal: $(openssl x509 -in "$work/sealer.pem" -noout -subject)"
elif grep -qE 'certificate has expired|not yet valid' "$work/err"; then
	ok "3 seal: its certificate has ended; the evidence is judged by itself"
else
	doubt "3 signatures: the seal leads to none of your roots"
fi

# The policy: keys of logs, keys of witnesses, how many of them.
declare -A log_key witness_key
members=() least=0 quorum=''
vkey() { # NAME+ID+KEY -> the key in hex, if it is of that type and its id is right
	local name=${1%%+*} rest=${1#*+} raw id # the key may hold a plus, the name none
	raw=$(printf %s "${rest#*+}" | from_base64 | to_hex)
	id=$({ printf '%s\n' "$name"; from_hex "$raw"; } | sha256)
	[ "${raw:0:2}" = "$2" ] && [ "${id:0:8}" = "${rest%%+*}" ] || { echo "the policy has a key that is none: $1" >&2; exit 3; }
	printf %s "${raw:2}"
}
while read -r word a b rest; do
	case $word in
	log) log_key[${a%%+*}]=$(vkey "$a" 01) ;;
	witness) witness_key[$a]="${b%%+*} $(vkey "$b" 04)" ;;
	group) read -ra members <<<"$rest"; group=$a; case $b in all) least=${#members[@]} ;; any) least=1 ;; *) least=$b ;; esac ;;
	quorum) quorum=$a; if [ "$a" = none ]; then members=() least=0; elif [ -n "${witness_key[$a]:-}" ]; then members=("$a") least=1
		elif [ "$a" != "${group:-}" ]; then echo "the quorum of this policy is not understood" >&2; exit 3; fi ;;
	esac
done < <(sed 's/\t/ /g; /^ *#/d' "$policy")
[ -n "$quorum" ] || { echo "the policy has no quorum" >&2; exit 3; }
ed25519() { # key signature message-file
	from_hex "302a300506032b6570032100$1" | openssl pkey -pubin -inform DER -out "$work/ed.pem"
	from_hex "$2" >"$work/ed.sig"
	openssl pkeyutl -verify -pubin -inkey "$work/ed.pem" -rawin -in "$3" -sigfile "$work/ed.sig" >/dev/null 2>&1
}
signature_by() { # name type key note -> what follows the key id, in hex; nothing without such a line
	local id encoded raw
	id=$({ printf '%s\n' "$1"; from_hex "$2$3"; } | sha256)
	while read -r encoded; do
		raw=$(printf %s "$encoded" | from_base64 | to_hex)
		[ "${raw:0:8}" != "${id:0:8}" ] || { printf %s "${raw:8}"; return; }
	done < <(sed -n '/^$/,$p' "$4" | sed -n "s|^— $1 ||p")
}

declare -A checked root_of time_of
check_checkpoint() { # note file; sets origin, size, root and, once for each, checks 6 and 7
	local sig seen=0 name key m text=$work/text
	sed '/^$/,$d' "$1" >"$text"
	{ read -r origin; read -r size; read -r root; } <"$text"
	root=$(printf %s "$root" | from_base64 | to_hex)
	head=${origin##*/}-$size
	[ -z "${checked[$(sha256 <"$1")]:-}" ] || return 0
	checked[$(sha256 <"$1")]=1
	[ -n "${log_key[$origin]:-}" ] || fail "6 checkpoint: the policy does not know the log $origin"
	sig=$(signature_by "$origin" 01 "${log_key[$origin]}" "$1")
	[ -n "$sig" ] && ed25519 "${log_key[$origin]}" "$sig" "$text" || fail "6 checkpoint: it is not signed by the log"
	for m in "${!witness_key[@]}"; do
		read -r name key <<<"${witness_key[$m]}"
		sig=$(signature_by "$name" 04 "$key" "$1")
		[ -n "$sig" ] || continue
		{ printf 'cosignature/v1\ntime %d\n' "0x${sig:0:16}"; cat "$text"; } >"$work/cosigned"
		ed25519 "$key" "${sig:16}" "$work/cosigned" || fail "6 checkpoint: the cosignature of $name is wrong"
		[[ " ${members[*]} " != *" $m "* ]] || seen=$((seen + 1))
	done
	[ "$seen" -ge "$least" ] || doubt "6 checkpoint: $seen witnesses of your policy have seen $head, not $least"
	[ -z "${root_of[$head]:-}" ] || [ "${root_of[$head]}" = "$root" ] || fail "11 consistency: two roots of one size, $head"
	root_of[$head]=$root
	check_token "$1"
}
gen_time() { # of a token, in seconds
	local stamped
	stamped=$(openssl ts -reply -token_in -in "$1" -token_out -text 2>/dev/null | sed -n 's/^Time stamp: //p')
	[ -z "$stamped" ] || date -d "$stamped" +%s
}
stamps() { # data token time: whether it is one over the data that leads to the roots
	openssl ts -verify -data "$1" -in "$2" -token_in -CAfile "$anchors" -untrusted "$(cd_x trust/tsa-chain.pem)" \
		-partial_chain -attime "$3" >/dev/null 2>"$work/err"
}
end_of() { # when the certificate ends that signed a token
	openssl cms -verify -noverify -inform DER -in "$1" -signer "$work/tsa.pem" -out /dev/null 2>/dev/null || return 0
	date -d "$(openssl x509 -in "$work/tsa.pem" -noout -enddate | sed 's/^notAfter=//')" +%s
}
declare -A renewal_known
check_renewals() { # 12. each later token is over the checkpoint and all tokens before it, made while the last one lasted
	local n name token made end why='no later time-stamp holds it' last=${time_of[$head]} held=$head
	cat "$1" "$(cd_x "log/$head.tst")" >"$work/covered"
	end=$(end_of "$(cd_x "log/$head.tst")")
	for n in {01..16}; do
		name=log/$head-renewal-$n.tst token=$(cd_x "log/$head-renewal-$n.tst")
		[ -f "$token" ] || break
		renewal_known[$name]=1
		[ "$why" = 'no later time-stamp holds it' ] || continue
		made=$(gen_time "$token")
		[ -n "$made" ] || { why="$name cannot be read"; continue; }
		if stamps "$work/covered" "$token" "$made"; then
			if [ "$made" -gt $((at + 300)) ]; then why="$name is of later"; continue; fi
			[ "$made" -ge "$last" ] || fail "12 renewals: $name is older than what it renews"
			if [ "$made" -gt "${end:-0}" ]; then why="$name was made too late"; continue; fi
			cat "$token" >>"$work/covered"
			last=$made held=$name end=$(end_of "$token")
		elif grep -q 'message imprint mismatch' "$work/err"; then fail "12 renewals: $name was made for other bytes"
		elif grep -qE 'signature failure|bad signature|asn1 encoding' "$work/err"; then fail "12 renewals: the signature of $name is wrong"
		else why="$name leads to none of your roots"; fi
	done
	[ "$at" -le "${end:-0}" ] || doubt "12 renewals: $held stopped proving anything by itself, and $why"
}
check_token() { # 7. the time-stamp over a checkpoint
	local token stamped
	token=$(cd_x "log/$head.tst")
	[ -f "$token" ] || { doubt "7 time-stamp: nothing stamps the checkpoint $head"; return 0; }
	stamped=$(gen_time "$token")
	[ -n "$stamped" ] || fail "7 time-stamp: $head.tst cannot be read"
	if stamps "$1" "$token" "$stamped"; then
		time_of[$head]=$stamped
		check_renewals "$1"
	elif grep -q 'message imprint mismatch' "$work/err"; then fail "7 time-stamp: $head.tst was made for other bytes"
	else doubt "7 time-stamp: $head.tst leads to none of your roots"; fi
}

included() { # 5. RFC 9162, 2.1.3.2: index size root leaf hashes...
	local fn=$1 sn=$(($2 - 1)) want=$3 r=$4 p
	shift 4
	[ "$fn" -le "$sn" ] || return 1
	for p; do
		[ "$sn" -ne 0 ] || return 1
		if [ $((fn & 1)) -eq 1 ] || [ "$fn" -eq "$sn" ]; then
			r=$(node "$p" "$r")
			while [ $((fn & 1)) -eq 0 ] && [ "$fn" -ne 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
		else r=$(node "$r" "$p"); fi
		fn=$((fn >> 1)) sn=$((sn >> 1))
	done
	[ "$sn" -eq 0 ] && [ "$r" = "$want" ]
}
grew() { # 11. RFC 9162, 2.1.4.2: older-size older-root newer-size newer-root hashes...
	local fn=$(($1 - 1)) sn=$(($3 - 1)) old=$2 new=$4 power=$(($1 & ($1 - 1))) fr sr c
	shift 4
	[ "$power" -ne 0 ] || set -- "$old" "$@"
	[ $# -gt 0 ] || return 1
	while [ $((fn & 1)) -eq 1 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
	fr=$1 sr=$1
	shift
	for c; do
		[ "$sn" -ne 0 ] || return 1
		if [ $((fn & 1)) -eq 1 ] || [ "$fn" -eq "$sn" ]; then
			fr=$(node "$c" "$fr") sr=$(node "$c" "$sr")
			while [ $((fn & 1)) -eq 0 ] && [ "$fn" -ne 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
		else sr=$(node "$sr" "$c"); fi
		fn=$((fn >> 1)) sn=$((sn >> 1))
	done
	[ "$sn" -eq 0 ] && [ "$fr" = "$old" ] && [ "$sr" = "$new" ]
}

batch_head() { # what the signature of a batch covers, from the evidence and its place
	local place at_index at_size index of r beside
	place=$(from_base64url <<<"$2" | to_hex)
	[ ${#place} -ge 16 ] || return 1
	at_index=$((16#${place:0:8})) at_size=$((16#${place:8:8})) place=${place:16}
	[ "$at_index" -lt "$at_size" ] || return 1
	r=$(leaf_of <"$1") index=$at_index of=$at_size
	while [ "$of" -gt 1 ]; do
		if [ $((index ^ 1)) -lt "$of" ]; then
			beside=${place:0:64} place=${place:64}
			[ ${#beside} -eq 64 ] || return 1
			if [ $((index & 1)) -eq 1 ]; then r=$(node "$beside" "$r"); else r=$(node "$r" "$beside"); fi
		fi
		index=$((index >> 1)) of=$(((of + 1) >> 1))
	done
	[ -z "$place" ] || return 1
	printf '{"root":"%s","size":%d}' "$(from_hex "$r" | basenc --base64url | tr -d '=\n')" "$at_size"
}
integer() { # of DER, from 32 bytes in hex
	local h=$1
	while [ ${#h} -gt 2 ] && [ "${h:0:2}" = 00 ]; do h=${h:2}; done
	[ $((16#${h:0:2})) -lt 128 ] || h=00$h
	printf '02%02x%s' $((${#h} / 2)) "$h"
}
check_signature() { # 3. evidence-file jws-file: ES256 by the first certificate of the header
	local token header typ place='' raw der protected
	token=$(cat "$2")
	[[ $token != *~* ]] || { place=${token#*~} token=${token%%~*}; }
	protected=${token%%.*} raw=${token##*.}
	[ "$token" = "$protected..$raw" ] || return 1
	header=$(from_base64url <<<"$protected")
	jq -e '.alg == "ES256" and .crit == ["sigT"] and (keys - ["alg","crit","sigT","typ","x5c","x5t#S256"] == [])' <<<"$header" >/dev/null || return 1
	jq -r '.x5c[0]' <<<"$header" | from_base64 | openssl x509 -inform DER -out "$work/signer.pem" 2>/dev/null || return 1
	[ "$(openssl x509 -in "$work/signer.pem" -outform DER | openssl dgst -sha256 -binary | basenc --base64url | tr -d '=\n')" = "$(jq -r '."x5t#S256"' <<<"$header")" ] || return 1
	typ=$(jq -r '.typ // ""' <<<"$header")
	case $typ:${place:+place} in
	:) cp "$1" "$work/payload" ;;
	evidence-batch:place) batch_head "$1" "$place" >"$work/payload" || return 1 ;;
	*) return 1 ;;
	esac
	raw=$(from_base64url <<<"$raw" | to_hex)
	[ ${#raw} -eq 128 ] || return 1
	der=$(integer "${raw:0:64}")$(integer "${raw:64}")
	from_hex "$(printf '30%02x%s' $((${#der} / 2)) "$der")" >"$work/sig.der"
	{ printf '%s.' "$protected"; basenc --base64url <"$work/payload" | tr -d '=\n'; } >"$work/signed"
	openssl x509 -in "$work/signer.pem" -noout -pubkey >"$work/signer.pub"
	openssl dgst -sha256 -verify "$work/signer.pub" -signature "$work/sig.der" "$work/signed" >/dev/null 2>&1
}

# Each receipt in turn.
shopt -s nullglob
n=0 ended='' delivery='' dispatch='' accepted=''
declare -A digest_of followed
for file in "$work/x"/receipts/*.json; do
	n=$((n + 1)) name=$(basename "$file" .json)
	for end in jws tlog-proof; do [ -f "${file%.json}.$end" ] || fail "1 container: $name has no file $end"; done
	printf %s "$(jq -cS . "$file" 2>/dev/null)" | cmp -s - "$file" || fail "2 canonical form: $name"
	IFS='|' read -r profile event id time prev prev_digest message about log_origin < <(jq -r '[.version + " " + .profile, .event, .evidence_id,
		.event_time, .prev_evidence.id, .prev_evidence.sha256, .message_id, .delivery_id, .log.origin] | map(. // "") | join("|")' "$file")
	short=${event##*[/:]}
	[ "$name" = "$(printf %03d $n)-$short" ] || fail "1 container: $name holds an evidence of the event $short"
	[ "$profile" = "1 urn:lienthong:policy:evidence:1" ] || fail "2 canonical form: the profile of $name is not known"
	check_signature "$file" "${file%.json}.jws" || fail "3 signatures: $name"

	# 4 and 5. The leaf, and that the tree of the checkpoint holds it.
	digest=$(sha256 <"$file")
	leaf=$(printf '{"event":"%s","sha256":"%s","sig_sha256":"%s","t":"receipt","time":"%s"}' "$event" "$digest" \
		"$(sha256 <"${file%.json}.jws")" "$time" | leaf_of)
	proof=${file%.json}.tlog-proof
	[ "$(head -1 "$proof")" = c2sp.org/tlog-proof@v1 ] || fail "5 inclusion: $name"
	sed '1,/^$/d' "$proof" >"$work/note"
	index=$(sed -n '/^$/q; s/^index //p' "$proof")
	mapfile -t hashes < <(sed -n '/^$/q; /^\(c2sp\.org\|index \|extra \)/d; p' "$proof" | while read -r h; do printf '%s\n' "$(from_base64 <<<"$h" | to_hex)"; done)
	check_checkpoint "$work/note"
	included "$index" "$size" "$root" "$leaf" "${hashes[@]}" || fail "5 inclusion: the log does not hold $name"
	[ "$origin" = "$log_origin/${origin##*/}" ] && [ "${time:0:4}" -le "${origin##*/}" ] || fail "5 inclusion: $name goes to another log, or one of an earlier year"

	# 7 and 8. Times, and the certificate of the hub at the time of the stamp.
	when=$(date -d "$time" +%s) stamped=${time_of[$head]:-}
	if [ -n "$stamped" ]; then
		[ "$when" -le $((stamped + 60)) ] || fail "7 time-stamp: $name says that it is younger than its time-stamp"
		[ $((stamped - when)) -le 86400 ] || doubt "7 time-stamp: $name may be backdated"
	fi
	openssl verify -partial_chain -purpose any -CAfile "$anchors" -untrusted "$chain" -attime "${stamped:-$at}" "$work/signer.pem" >/dev/null 2>&1 ||
		doubt "8 time of signing: the certificate of $name leads to none of your roots at that time"

	# 10. The chain.
	digest_of[$id]=$digest
	if [ $n -eq 1 ]; then
		[ "$short" = SubmissionAcceptance ] && [ -z "$prev" ] || fail "10 chain: it does not begin with the acceptance"
		dispatch=$message accepted=$file
		continue
	fi
	[ "$message" = "$dispatch" ] || fail "10 chain: $name is about another dispatch"
	[ -n "$prev" ] && [ "${digest_of[$prev]:-}" = "$prev_digest" ] || fail "10 chain: it breaks before $name"
	[ -n "$about" ] || continue # about the dispatch, such as the purge of its content
	delivery=${delivery:-$about}
	[ "$about" = "$delivery" ] || fail "10 chain: receipts of two recipients"
	[ -z "${followed[$prev]:-}" ] || fail "10 chain: $name and another follow the same receipt"
	followed[$prev]=1
	case $short in
	StatusReport | ContentAccessTracking | EvidenceRenewal | Correction | ContentPurge) ;;
	*)
		[ -z "$ended" ] || fail "10 chain: $name follows the end"
		case $short in ContentConsignmentFailure | ContentHandoverFailure | ConsignmentAcceptance | ConsignmentRejection | AcceptanceRejectionExpiry | Withdrawal) ended=$short ;; esac
		;;
	esac
done
[ $n -gt 0 ] || fail "1 container: there is no receipt"
while read -r name; do
	[ -n "${renewal_known[$name]:-}" ] || fail "1 container: $name renews nothing in the bundle"
done < <(grep -E -- '-renewal-[0-9]{2}\.tst$' "$work/names")
ok "2 to 8: $n receipts, ${#root_of[@]} checkpoints"

# 9. Content: each file in the bundle is one that was accepted.
for file in "$work/x"/content/*; do
	jq -e --arg d "$(sha256 <"$file")" '.content.parts | any(.sha256 == $d)' "$accepted" >/dev/null || fail "9 content: $(basename "$file") is not what was accepted"
done

# 11. One history: each checkpoint is the beginning of the next.
previous=''
for head in $(printf '%s\n' "${!root_of[@]}" | sort -t- -k1,1 -k2,2n); do
	if [ -n "$previous" ] && [ "${previous%-*}" = "${head%-*}" ]; then
		growth=$(cd_x "log/$previous-${head##*-}.consistency")
		if [ -f "$growth" ]; then
			mapfile -t hashes < <(while read -r h; do printf '%s\n' "$(from_base64 <<<"$h" | to_hex)"; done <"$growth")
			grew "${previous##*-}" "${root_of[$previous]}" "${head##*-}" "${root_of[$head]}" "${hashes[@]}" || fail "11 consistency: $previous is not the beginning of $head"
		else doubt "11 consistency: nothing shows that $previous is the beginning of $head"; fi
	fi
	previous=$head
done
[ -n "$ended" ] || doubt "10 chain: no receipt says how it ended"
[ $result -ne 0 ] || ok "dispatch $dispatch, delivery $delivery: $ended"
exit $result
