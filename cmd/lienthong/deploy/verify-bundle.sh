#!/usr/bin/env bash
# A second verifier of evidence bundles, written without a line of the hub: whoever does
# not trust lienthong verify reads this instead. It needs bash, and from Debian 12:
# coreutils, sed, grep, unzip, openssl (3.0), jq and xmllint (libxml2-utils). It uses no
# network.
#
#   verify-bundle.sh BUNDLE.asice --anchors ROOTS.pem --policy LOG-KEYS.tlog [--at TIME]
#       [--digest-ends SHA-256=DATE]...
#
# Exit code 0: passed; 1: failed; 2: undecided; 3: wrong use. What it prints names the
# same steps as lienthong verify (bundles.md). It knows less and says so:
#   - revocation lists are not read, and no algorithm has an end but digests by
#     --digest-ends; lienthong verify does both;
#   - the XML form of a receipt must carry that receipt; what else it says, and its XAdES, is
#     not read;
#   - of a policy it understands a quorum of none, of one witness, or of one group of
#     witnesses without groups in it;
#   - whether a delivery may go from one state to the next is checked for its end alone.
set -euo pipefail
export LC_ALL=C TZ=UTC

tool_name() { case $1 in SHA3-*) printf %s "${1,,}" ;; SHA-*) printf sha%s "${1#SHA-}" ;; *) printf %s "$1" ;; esac; }
usage() { sed -n '7,12s/^# \{0,1\}//p' "$0" >&2; exit 3; }
bundle='' anchors='' policy='' at=$(date +%s)
declare -A ends_at # digests, as openssl names them
while [ $# -gt 0 ]; do
	case $1 in
	--anchors) anchors=${2:?}; shift ;;
	--policy) policy=${2:?}; shift ;;
	--at) at=$(date -d "${2:?}" +%s); shift ;;
	--digest-ends) ends_at[$(tool_name "${2%%=*}")]=$(date -d "${2#*=}" +%s); shift ;;
	-*) usage ;;
	*) [ -z "$bundle" ] || usage; bundle=$1 ;;
	esac
	shift
done
[ -f "$bundle" ] && [ -f "$anchors" ] && [ -f "$policy" ] || usage
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The roots, by what the file trusts them for: a line "# purpose: evidence, timestamping"
# counts for the certificates behind it; without one they are for both (trust.md).
one_purpose='(signing|timestamping|evidence)'
trusted_for=' evidence timestamping ' inside=''
: >"$work/evidence.pem"
: >"$work/timestamping.pem"
while IFS= read -r line || [ -n "$line" ]; do
	line=${line%$'\r'}
	[[ $line != -----BEGIN* ]] || inside=1
	if [ -n "$inside" ]; then
		for purpose in evidence timestamping; do [[ $trusted_for != *" $purpose "* ]] || printf '%s\n' "$line" >>"$work/$purpose.pem"; done
		[[ $line != -----END* ]] || inside=''
		continue
	fi
	line=${line#$'\xef\xbb\xbf'} line=${line,,}
	[[ $line =~ ^[#[:space:]]*purpose ]] || continue
	[[ $line =~ ^[#[:space:]]*purpose:[[:space:]]*(any|$one_purpose([[:space:]]*,[[:space:]]*$one_purpose)*)[[:space:]]*$ ]] || { echo "the roots have a purpose that is none: $line" >&2; exit 3; }
	trusted_for=" ${BASH_REMATCH[1]//[,[:space:]]/ } "
	[ "$trusted_for" != ' any ' ] || trusted_for=' evidence timestamping '
done <"$anchors"
for purpose in evidence timestamping; do # openssl refuses a file without any: one that nothing leads to
	[ -s "$work/$purpose.pem" ] || openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -subj /CN=nobody -out "$work/$purpose.pem" 2>/dev/null
done

result=0
fail() { result=1; echo "FAILED  $*"; exit 1; } # a proof that it is wrong decides at once
doubt() { [ $result -ne 0 ] || result=2; echo "UNDECIDED  $*"; }
ok() { echo "ok  $*"; }

# Bytes: hexadecimal text, and what is hashed as RFC 6962 wants it. Each program that is
# started takes longer than what it does here: what is done often is done without one.
declare -A sextet
for i in {0..63}; do c=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/; sextet[${c:i:1}]=$i; done
hex_of() { # base64 -> sets hex; false where it is none
	local t=$1 i part
	hex=''
	[[ $t =~ ^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$ ]] || return 1
	for ((i = 0; i < ${#t}; i += 4)); do
		part=${t:i:4} part=${part//=/A}
		printf -v part %06x $((${sextet[${part:0:1}]} << 18 | ${sextet[${part:1:1}]} << 12 | ${sextet[${part:2:1}]} << 6 | ${sextet[${part:3:1}]}))
		hex+=$part
	done
	t=${t##*[!=]}
	hex=${hex:0:${#hex}-2*${#t}}
}
hex_of_url() { # the same of base64url, without padding
	local t=${1//-/+}
	t=${t//_//}
	while [ $((${#t} % 4)) -ne 0 ]; do t+='='; done
	hex_of "$t"
}
hashes_of() { # lines of base64 -> sets hashes
	local line
	hashes=()
	while IFS= read -r line; do hex_of "$line" || return 1; hashes+=("$hex"); done
}
from_hex() { local i t=''; for ((i = 0; i < ${#1}; i += 2)); do t+="\\x${1:i:2}"; done; printf "$t"; }
sha256() { local t; t=$(sha256sum); printf %s "${t%% *}"; }
tree=sha256 # the digest of the tree that is looked at
sum() { local t; if [ "$tree" = sha256 ]; then sha256; else t=$(openssl dgst "-$tree" -r); printf %s "${t%% *}"; fi; }
node() { # left right, in hex -> sets hash
	if [ "$tree" = sha256 ]; then hash=$(from_hex "01$1$2" | sha256sum); else hash=$(from_hex "01$1$2" | openssl dgst "-$tree" -r); fi
	hash=${hash%% *}
}
leaf_of() { { printf '\0'; cat; } | sum; }

# 1. The container: every file is in the manifest once, as it was sealed.
unzip -tqq "$bundle" >/dev/null 2>&1 || fail "1 container: the archive is damaged"
unzip -Z1 "$bundle" >"$work/names"
[ -z "$(sort "$work/names" | uniq -d)" ] || fail "1 container: two files of one name"
known='^(mimetype|META-INF/(ASiCManifest\.xml|signature\.p7s)|receipts/[0-9]{3}-[A-Za-z0-9_.-]+\.(json|jws|tlog-proof|xml)|log/[0-9]{4}-([0-9]+|rehash-[0-9]{2})(-renewal-[0-9]{2})?\.tst|log/[0-9]{4}-rehash-[0-9]{2}\.(txt|entries|stamps)|log/[0-9]{4}-[0-9]+-[0-9]+\.consistency|trust/(policy\.tlog|hub-chain\.pem|tsa-chain\.pem|anchors\.pem|trustlist\.json|revocation/[0-9a-f]+\.(crl|ocsp))|validation/archive\.json|content/[0-9]+-[A-Za-z0-9_.-]+)$'
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
mapfile -t files <"$work/listed"
[ ${#files[@]} -gt 0 ] || fail "1 container: the manifest lists nothing"
(cd "$work/x" && sha256sum -- "${files[@]}") >"$work/sums"
while read -r name <&3 && read -r digest <&4 && read -r found _ <&5; do
	hex_of "$digest" && [ "$hex" = "$found" ] || fail "1 container: $name is not the file that was sealed"
done 3<"$work/listed" 4<"$work/digests" 5<"$work/sums"
ok "1 container: $count files"

# 3. The seal: CAdES over the manifest.
chain=$(cd_x trust/hub-chain.pem)
openssl cms -verify -binary -noverify -inform DER -in "$(cd_x META-INF/signature.p7s)" -content "$manifest" \
	-signer "$work/sealer.pem" -out /dev/null 2>/dev/null || fail "3 signatures: the seal does not hold"
if openssl verify -partial_chain -purpose any -CAfile "$work/evidence.pem" -untrusted "$chain" -attime "$at" "$work/sealer.pem" >"$work/err" 2>&1; then
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
	local name=${1%%+*} rest=${1#*+} id # the key may hold a plus, the name none
	hex_of "${rest#*+}" || hex=''
	id=$({ printf '%s\n' "$name"; from_hex "$hex"; } | sha256)
	[ "${hex:0:2}" = "$2" ] && [ "${id:0:8}" = "${rest%%+*}" ] || { echo "the policy has a key that is none: $1" >&2; exit 3; }
	printf %s "${hex:2}"
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
	local id encoded
	id=$({ printf '%s\n' "$1"; from_hex "$2$3"; } | sha256)
	while read -r encoded; do
		hex_of "$encoded" || continue
		[ "${hex:0:8}" != "${id:0:8}" ] || { printf %s "${hex:8}"; return; }
	done < <(sed -n '/^$/,$p' "$4" | sed -n "s|^— $1 ||p")
}

declare -A checked root_of time_of
check_checkpoint() { # note file; sets origin, size, root and, once for each, checks 6 and 7
	local sig seen=0 name key m id text=$work/text
	sed '/^$/,$d' "$1" >"$text"
	{ read -r origin; read -r size; read -r root; } <"$text"
	hex_of "$root" || fail "6 checkpoint: it has no root"
	root=$hex
	is_number "$size" || fail "6 checkpoint: it has no size"
	head=${origin##*/}-$size id=$(sha256 <"$1")
	[ -z "${checked[$id]:-}" ] || return 0
	checked[$id]=1
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
	openssl ts -verify -data "$1" -in "$2" -token_in -CAfile "$work/timestamping.pem" -untrusted "$(cd_x trust/tsa-chain.pem)" \
		-partial_chain -attime "$3" >/dev/null 2>"$work/err"
}
earlier_of() { # two times, of which an empty one is none
	if [ -z "$1" ] || { [ -n "$2" ] && [ "$2" -lt "$1" ]; }; then printf %s "$2"; else printf %s "$1"; fi
}
end_of() { # when the certificate ends that signed a token, or a digest that it relies upon
	local end name
	openssl cms -verify -noverify -inform DER -in "$1" -signer "$work/tsa.pem" -out /dev/null 2>/dev/null || return 0
	end=$(date -d "$(openssl x509 -in "$work/tsa.pem" -noout -enddate | sed 's/^notAfter=//')" +%s)
	for name in $(openssl cms -cmsout -print -noout -inform DER -in "$1" 2>/dev/null | sed -n '/signerInfos:/,$p' | sed -n 's/^ *algorithm: \(sha[0-9-]*\) .*/\1/p') \
		$(openssl ts -reply -token_in -in "$1" -token_out -text 2>/dev/null | sed -n 's/^Hash Algorithm: //p'); do
		end=$(earlier_of "$end" "${ends_at[$name]:-}")
	done
	printf %s "$end"
}
declare -A renewal_known line_times line_ends line_last line_why
follow() { # 12. name over-file: each later token is over those bytes and all tokens before it, made while the last one lasted
	local n name token made end base=$1 last why='no later time-stamp holds it'
	last=$(gen_time "$(cd_x "log/$base.tst")") end=$(end_of "$(cd_x "log/$base.tst")")
	cat "$2" "$(cd_x "log/$base.tst")" >"$work/covered"
	line_times[$base]=$last line_ends[$base]=${end:-0} line_last[$base]=log/$base.tst
	for n in {01..16}; do
		name=log/$base-renewal-$n.tst token=$(cd_x "log/$base-renewal-$n.tst")
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
			last=$made end=$(end_of "$token")
			line_times[$base]+=" $made" line_ends[$base]+=" ${end:-0}" line_last[$base]=$name
		elif grep -q 'message imprint mismatch' "$work/err"; then fail "12 renewals: $name was made for other bytes"
		elif grep -qE 'signature failure|bad signature|asn1 encoding' "$work/err"; then fail "12 renewals: the signature of $name is wrong"
		else why="$name leads to none of your roots"; fi
	done
	line_why[$base]=$why
}
check_token() { # 7. the time-stamp over a checkpoint
	local token stamped
	token=$(cd_x "log/$head.tst")
	[ -f "$token" ] || { doubt "7 time-stamp: nothing stamps the checkpoint $head"; return 0; }
	stamped=$(gen_time "$token")
	[ -n "$stamped" ] || fail "7 time-stamp: $head.tst cannot be read"
	if stamps "$1" "$token" "$stamped"; then
		time_of[$head]=$stamped
		cp "$1" "$work/note-$head"
		follow "$head" "$1"
	elif grep -q 'message imprint mismatch' "$work/err"; then fail "7 time-stamp: $head.tst was made for other bytes"
	else
		doubt "7 time-stamp: $head.tst leads to none of your roots"
		# Nor can be judged what renews it, which is part of the bundle all the same.
		for token in "$(cd_x log)/$head"-renewal-*.tst "$(cd_x log)/${head%-*}"-rehash-??-renewal-*.tst; do renewal_known[log/$(basename "$token")]=1; done
	fi
}

# Bash runs commands that stand in a number that it calculates with: no number from a bundle
# may be anything else.
is_number() { local t; for t; do [[ $t =~ ^(0|[1-9][0-9]{0,15})$ ]] || return 1; done; }
included() { # 5. RFC 9162, 2.1.3.2: index size root leaf hashes...
	is_number "$1" "$2" || return 1
	local fn=$1 sn=$(($2 - 1)) want=$3 r=$4 p
	shift 4
	[ "$fn" -le "$sn" ] || return 1
	for p; do
		[ "$sn" -ne 0 ] || return 1
		if [ $((fn & 1)) -eq 1 ] || [ "$fn" -eq "$sn" ]; then
			node "$p" "$r"
			while [ $((fn & 1)) -eq 0 ] && [ "$fn" -ne 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
		else node "$r" "$p"; fi
		r=$hash fn=$((fn >> 1)) sn=$((sn >> 1))
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
			node "$c" "$fr"
			fr=$hash
			node "$c" "$sr"
			while [ $((fn & 1)) -eq 0 ] && [ "$fn" -ne 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
		else node "$sr" "$c"; fi
		sr=$hash fn=$((fn >> 1)) sn=$((sn >> 1))
	done
	[ "$sn" -eq 0 ] && [ "$fr" = "$old" ] && [ "$sr" = "$new" ]
}

batch_head() { # what the signature of a batch covers, from the evidence and its place
	local place at_index at_size index of r beside
	hex_of_url "$2" || return 1
	place=$hex
	[ ${#place} -ge 16 ] || return 1
	at_index=$((16#${place:0:8})) at_size=$((16#${place:8:8})) place=${place:16}
	[ "$at_index" -lt "$at_size" ] || return 1
	r=$(leaf_of <"$1") index=$at_index of=$at_size
	while [ "$of" -gt 1 ]; do
		if [ $((index ^ 1)) -lt "$of" ]; then
			beside=${place:0:64} place=${place:64}
			[ ${#beside} -eq 64 ] || return 1
			if [ $((index & 1)) -eq 1 ]; then node "$beside" "$r"; else node "$r" "$beside"; fi
			r=$hash
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
declare -A signer_of thumb_of
signers=0
certificate() { # of a header -> sets signer, the base of its files: each is read once
	[[ $1 =~ ^[A-Za-z0-9+/]+=*$ ]] || return 1
	signer=${signer_of[$1]:-}
	[ -z "$signer" ] || return 0
	signers=$((signers + 1)) signer=$work/signer-$signers
	base64 -d <<<"$1" | openssl x509 -inform DER -out "$signer.pem" 2>/dev/null || return 1
	openssl x509 -in "$signer.pem" -noout -pubkey >"$signer.pub"
	thumb_of[$1]=$(openssl x509 -in "$signer.pem" -outform DER | openssl dgst -sha256 -binary | basenc --base64url | tr -d '=\n')
	signer_of[$1]=$signer
}
check_signature() { # 3. evidence-file jws-file: ES256 by the first certificate of the header
	local token place='' raw der protected said
	token=$(cat "$2")
	[[ $token != *~* ]] || { place=${token#*~} token=${token%%~*}; }
	protected=${token%%.*} raw=${token##*.}
	[ "$token" = "$protected..$raw" ] || return 1
	hex_of_url "$protected" || return 1
	mapfile -t said < <(from_hex "$hex" | jq -r 'select(.alg == "ES256" and (keys - ["typ"] | . == ["alg","iat","x5c","x5t#S256"] or . == ["alg","crit","sigT","x5c","x5t#S256"]) and (.crit // ["sigT"]) == ["sigT"] and (.iat // 0 | type == "number" and floor == .)) |
		.x5c[0], ."x5t#S256", (.typ // "")')
	[ ${#said[@]} -eq 3 ] && certificate "${said[0]}" && [ "${thumb_of[${said[0]}]}" = "${said[1]}" ] || return 1
	case ${said[2]}:${place:+place} in
	:) cp "$1" "$work/payload" ;;
	evidence-batch:place) batch_head "$1" "$place" >"$work/payload" || return 1 ;;
	*) return 1 ;;
	esac
	hex_of_url "$raw" && [ ${#hex} -eq 128 ] || return 1
	raw=$hex
	der=$(integer "${raw:0:64}")$(integer "${raw:64}")
	from_hex "$(printf '30%02x%s' $((${#der} / 2)) "$der")" >"$work/sig.der"
	{ printf '%s.' "$protected"; basenc --base64url <"$work/payload" | tr -d '=\n'; } >"$work/signed"
	openssl dgst -sha256 -verify "$signer.pub" -signature "$work/sig.der" "$work/signed" >/dev/null 2>&1
}

# Each receipt in turn.
shopt -s nullglob
n=0 ended='' delivery='' dispatch='' accepted=''
declare -A digest_of followed receipts_of leads_at
mapfile -t canonical < <(jq -cS . "$work/x"/receipts/*.json </dev/null 2>/dev/null) # a line of each
for file in "$work/x"/receipts/*.json; do
	n=$((n + 1)) name=$(basename "$file" .json)
	for end in jws tlog-proof; do [ -f "${file%.json}.$end" ] || fail "1 container: $name has no file $end"; done
	printf %s "${canonical[n - 1]:-}" | cmp -s - "$file" || fail "2 canonical form: $name"
	IFS='|' read -r profile event id time prev prev_digest message about log_origin named < <(jq -r '[.version + " " + .profile, .event, .evidence_id,
		.event_time, .prev_evidence.id, .prev_evidence.sha256, .message_id, .delivery_id, .log.origin,
		([.sender.id, .recipients[]?.id] | map(select(. != null and . != "")) | unique | length | tostring)] | map(. // "") | join("|")' "$file")
	short=${event##*[/:]}
	[ "$name" = "$(printf %03d $n)-$short" ] || fail "1 container: $name holds an evidence of the event $short"
	[ "$profile" = "1 urn:lienthong:policy:evidence:1" ] || fail "2 canonical form: the profile of $name is not known"
	check_signature "$file" "${file%.json}.jws" || fail "3 signatures: $name"
	form=${file%.json}.xml
	if [ -f "$form" ]; then
		xmllint --nonet --xpath "string(//*[local-name()='JSONReceipt'])" "$form" 2>/dev/null | base64 -d >"$work/carried" 2>/dev/null || fail "3 signatures: $name.xml cannot be read"
		printf %s "$(jq -cS .evidence "$work/carried" 2>/dev/null)" | cmp -s - "$file" &&
			[ "$(jq -r '.jws + (if .batch then "~" + .batch else "" end)' "$work/carried")" = "$(cat "${file%.json}.jws")" ] || fail "3 signatures: $name.xml carries another receipt"
	fi

	# 4 and 5. The leaf, and that the tree of the checkpoint holds it.
	digest=$(sha256 <"$file")
	proof=${file%.json}.tlog-proof
	[ "$(head -1 "$proof")" = c2sp.org/tlog-proof@v1 ] || fail "5 inclusion: $name"
	tags=$(sed -n '/^$/q; s/^extra //p' "$proof") # of the sequences of its agencies; leaves of before have none
	if [ -n "$tags" ]; then
		hex_of "$tags" && is_number "$named" && [ "${hex:0:2}" = 01 ] && [ ${#hex} -eq $((2 + 32 * named)) ] || fail "4 leaf: $name has other tags of sequences than it names agencies"
		tags="\"seq\":\"$tags\","
	fi
	printf '{"event":"%s",%s"sha256":"%s","sig_sha256":"%s","t":"receipt","time":"%s"}' "$event" "$tags" "$digest" \
		"$(sha256 <"${file%.json}.jws")" "$time" >"$work/entry-$name"
	leaf=$(leaf_of <"$work/entry-$name")
	sed '1,/^$/d' "$proof" >"$work/note"
	index=$(sed -n '/^$/q; s/^index //p' "$proof")
	hashes_of < <(sed -n '/^$/q; /^\(c2sp\.org\|index \|extra \)/d; p' "$proof") || fail "5 inclusion: $name"
	check_checkpoint "$work/note"
	included "$index" "$size" "$root" "$leaf" "${hashes[@]}" || fail "5 inclusion: the log does not hold $name"
	receipts_of[$head]+=" $name:$index"
	[ "$origin" = "$log_origin/${origin##*/}" ] && [ "${time:0:4}" -le "${origin##*/}" ] || fail "5 inclusion: $name goes to another log, or one of an earlier year"

	# 7 and 8. Times, and the certificate of the hub at the time of the stamp.
	when=$(date -d "$time" +%s) stamped=${time_of[$head]:-}
	if [ -n "$stamped" ]; then
		[ "$when" -le $((stamped + 60)) ] || fail "7 time-stamp: $name says that it is younger than its time-stamp"
		[ $((stamped - when)) -le 86400 ] || doubt "7 time-stamp: $name may be backdated"
	fi
	when=$signer@${stamped:-$at}
	if [ -z "${leads_at[$when]:-}" ]; then
		leads_at[$when]=no
		! openssl verify -partial_chain -purpose any -CAfile "$work/evidence.pem" -untrusted "$chain" -attime "${stamped:-$at}" "$signer.pem" >/dev/null 2>&1 || leads_at[$when]=yes
	fi
	[ "${leads_at[$when]}" = yes ] ||
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
	StatusReport | ContentAccessTracking | Correction | ContentPurge | Forward | Task) ;;
	*)
		[ -z "$ended" ] || fail "10 chain: $name follows the end"
		case $short in RelayRejection | RelayFailure | ContentConsignmentFailure | ContentHandoverFailure | ConsignmentAcceptance | ConsignmentRejection | AcceptanceRejectionExpiry | Withdrawal) ended=$short ;; esac
		;;
	esac
done
[ $n -gt 0 ] || fail "1 container: there is no receipt"
ok "2 to 8: $n receipts, ${#root_of[@]} checkpoints"

# 9. Content: each file in the bundle is one that was accepted.
for file in "$work/x"/content/*; do
	jq -e --arg d "$(sha256 <"$file")" '.content.parts | any(.sha256 == $d)' "$accepted" >/dev/null || fail "9 content: $(basename "$file") is not what was accepted"
done

# 12. Renewals: each time-stamp and the tree under it are held by later time-stamps, or by
# rehashes: trees by another digest over the same receipts, their content and the tokens.
proofs() { # file to-file: leaf and hashes of each, by index
	local line index=''
	while IFS= read -r line; do
		case $line in
		lienthong-rehash-proof-v1 | '') ;;
		'index '*) index=${line#index }; is_number "$index" || fail "12 renewals: $(basename "$1") cannot be read" ;;
		'leaf '*) printf %s "${line#leaf }" >"$2-$index.leaf"; : >"$2-$index.hashes" ;;
		*) [ -n "$index" ] || fail "12 renewals: $(basename "$1") cannot be read"; hex_of "$line" || fail "12 renewals: $(basename "$1") cannot be read"; printf '%s\n' "$hex" >>"$2-$index.hashes" ;;
		esac
	done <"$1"
}
leads() { # proof index size root
	local list
	mapfile -t list <"$1.hashes"
	included "$2" "$3" "$4" "$(leaf_of <"$1.leaf")" "${list[@]}"
}
is_sum() { [ "$(sum <"$1")" = "$2" ]; } # file digest
read_rehash() { # base: sets the variables of a rehash
	{ read -r kind; read -r about; read -r digest_name; read -r entries entries_root; read -r held held_root; } <"$(cd_x "log/$1.txt")"
	[ "$kind" = lienthong-rehash-v1 ] && is_number "$entries" "$held" || fail "12 renewals: $1 has no head"
	case $digest_name in SHA-384 | SHA-512 | SHA3-256) tree=$(tool_name "$digest_name") ;; *) fail "12 renewals: the digest of $1 is not known" ;; esac
	hex_of "$entries_root" || fail "12 renewals: $1 has no head"
	entries_root=$hex
	hex_of "$held_root" || fail "12 renewals: $1 has no head"
	held_root=$hex
}
declare -A rehash_counts
begin_rehash() { # base: reads it once, and asks whether its token counts
	local file token made
	[ -z "${rehash_counts[$1]:-}" ] || return 0
	rehash_counts[$1]=no
	for file in "$1.tst" "$1.entries" "$1.stamps"; do [ -f "$(cd_x "log/$file")" ] || fail "1 container: there is no file log/$file"; done
	read_rehash "$1"
	tree=sha256
	proofs "$(cd_x "log/$1.entries")" "$work/$1-entry"
	proofs "$(cd_x "log/$1.stamps")" "$work/$1-stamp"
	token=$(cd_x "log/$1.tst") made=$(gen_time "$(cd_x "log/$1.tst")")
	[ -n "$made" ] || fail "12 renewals: $1.tst cannot be read"
	if stamps "$(cd_x "log/$1.txt")" "$token" "$made"; then
		[ "$made" -gt $((at + 300)) ] || rehash_counts[$1]=yes
		follow "$1" "$(cd_x "log/$1.txt")"
	elif grep -q 'message imprint mismatch' "$work/err"; then fail "12 renewals: $1.tst was made for other bytes"
	elif grep -qE 'signature failure|bad signature|asn1 encoding' "$work/err"; then fail "12 renewals: the signature of $1.tst is wrong"
	else for file in "$(cd_x log)/$1"-renewal-*.tst; do renewal_known[log/$(basename "$file")]=1; done; fi
}
holds_stamp() { # rehash member over-file base-of-tokens: sets count, how many of its tokens; 0 where it holds none
	local proof want list i=0 file
	count=0 want=$(sum <"$3")
	for proof in "$work/$1"-stamp-*.leaf; do
		grep -qF "\"$want\"" "$proof" || continue
		[ "$(jq -r --arg m "$2" '.[$m] // ""' "$proof")" = "$want" ] || fail "12 renewals: $1.stamps is about something else"
		mapfile -t list < <(jq -r '.tokens[]' "$proof")
		for file in "$4.tst" "$4"-renewal-{01..16}.tst; do
			[ $i -lt ${#list[@]} ] || break
			[ -f "$(cd_x "log/$file")" ] && is_sum "$(cd_x "log/$file")" "${list[i]}" || fail "12 renewals: $1 holds other tokens than $4 has"
			i=$((i + 1))
		done
		[ $i -gt 0 ] && [ $i -eq ${#list[@]} ] || fail "12 renewals: $1 holds other tokens than $4 has"
		proof=${proof%.leaf}
		leads "$proof" "${proof##*-}" "$held" "$held_root" || fail "12 renewals: the tree of $1 does not hold $4"
		count=$i
		return
	done
}
holds_receipts() { # rehash head: false where one is not there
	local item name index proof file n=0
	for item in ${receipts_of[$2]}; do
		name=${item%:*} index=${item##*:} proof=$work/$1-entry-${item##*:} file=$work/x/receipts/${item%:*}
		[ -f "$proof.leaf" ] || return 1
		[ "$about" = "$(head -1 "$work/note-$2")" ] || fail "12 renewals: $1 is about another log"
		is_sum "$work/entry-$name" "$(jq -r .leaf "$proof.leaf")" && is_sum "$file.json" "$(jq -r .digest "$proof.leaf")" && is_sum "$file.jws" "$(jq -r .sig_digest "$proof.leaf")" ||
			fail "12 renewals: $1 is about other bytes than $name, or by another digest"
		leads "$proof" "$index" "$entries" "$entries_root" || fail "12 renewals: the tree of $1 does not hold $name"
		[[ $name = *-SubmissionAcceptance ]] || continue
		[ "$(jq -c '[(.content // [])[].sha256]' "$proof.leaf")" = "$(jq -c '[(.content.parts // [])[].sha256]' "$file.json")" ] &&
			jq -e '(.content // []) | all((.state == "kept") == has("digest") and (.state | IN("kept", "purged", "missing")))' "$proof.leaf" >/dev/null ||
			fail "12 renewals: $1 does not say of each file of $name which digest it has, or why there is none"
		for file in "$work/x"/content/*; do
			n=$((10#$(basename "$file" | cut -d- -f1)))
			digest=$(jq -r ".content[$n - 1].digest // \"\"" "$proof.leaf")
			[ -z "$digest" ] || is_sum "$file" "$digest" || fail "9 content: $(basename "$file") has another $digest_name than $1 says"
		done
		strong=$proof
	done
}
nth() { local list; read -ra list <<<"$2"; [ "$1" -le ${#list[@]} ] && printf %s "${list[$1 - 1]}" || printf %s "${list[-1]}"; }
in_time() { # made base-of-tokens count digest: whether it was made before that ended
	local end; end=$(earlier_of "$(nth "$3" "${line_ends[$2]}")" "${ends_at[$4]:-}")
	[ "$1" -le "$end" ]
}
strong=''
for head in $(printf '%s\n' "${!time_of[@]}" | sort -t- -k1,1 -k2,2n); do
	end=$(nth 99 "${line_ends[$head]}") why=${line_why[$head]} what=${line_last[$head]} chain_of=''
	best=$(earlier_of "$end" "${ends_at[sha256]:-}")
	[ "$best" = "$end" ] || { what="the tree of the log under log/$head.tst" why='no rehash by another digest holds it'; }
	for n in {01..16}; do
		base=${head%-*}-rehash-$n
		[ -f "$(cd_x "log/$base.txt")" ] || continue
		begin_rehash "$base"
		read_rehash "$base"
		holds_stamp "$base" note "$work/note-$head" "$head"
		[ "$count" -gt 0 ] || { why="$base does not hold it"; tree=sha256; continue; }
		held_stamp=$count
		holds_receipts "$base" "$head" || { why="$base does not hold every receipt under it"; tree=sha256; continue; }
		[ "${rehash_counts[$base]}" = yes ] || { why="$base.tst does not count"; tree=sha256; continue; }
		made=$(nth 1 "${line_times[$base]}")
		[ "$made" -ge "$(nth "$held_stamp" "${line_times[$head]}")" ] || fail "12 renewals: $base is older than what it holds"
		ok=no
		! in_time "$made" "$head" "$held_stamp" sha256 || ok=yes
		for earlier in $chain_of; do
			read_rehash "$earlier"
			earlier_digest=$tree
			read_rehash "$base"
			holds_stamp "$base" head "$(cd_x "log/$earlier.txt")" "$earlier"
			[ "$count" -gt 0 ] && in_time "$made" "$earlier" "$count" "$earlier_digest" && ok=yes
		done
		if [ $ok = yes ]; then
			chain_of+=" $base"
			end=$(earlier_of "$(nth 99 "${line_ends[$base]}")" "${ends_at[$tree]:-}")
			[ "$end" -le "$best" ] || { best=$end what=log/$base why='nothing later holds it'; }
		else why="$base was made too late"; fi
		tree=sha256
	done
	[ "$at" -le "${best:-0}" ] || doubt "12 renewals: $what stopped proving anything by itself, and $why"
done
if [ -n "${ends_at[sha256]:-}" ] && [ "$at" -gt "${ends_at[sha256]}" ]; then
	for file in "$work/x"/content/*; do
		n=$((10#$(basename "$file" | cut -d- -f1)))
		[ -n "$strong" ] && [ -n "$(jq -r ".content[$n - 1].digest // \"\"" "$strong.leaf")" ] || doubt "9 content: $(basename "$file") is known by SHA-256 alone"
	done
fi

# 11. One history: each checkpoint is the beginning of the next.
previous=''
for head in $(printf '%s\n' "${!root_of[@]}" | sort -t- -k1,1 -k2,2n); do
	if [ -n "$previous" ] && [ "${previous%-*}" = "${head%-*}" ]; then
		growth=$(cd_x "log/$previous-${head##*-}.consistency")
		if [ -f "$growth" ]; then
			hashes_of <"$growth" || fail "11 consistency: ${growth##*/} cannot be read"
			grew "${previous##*-}" "${root_of[$previous]}" "${head##*-}" "${root_of[$head]}" "${hashes[@]}" || fail "11 consistency: $previous is not the beginning of $head"
		else doubt "11 consistency: nothing shows that $previous is the beginning of $head"; fi
	fi
	previous=$head
done
while read -r name; do
	[ -n "${renewal_known[$name]:-}" ] || fail "1 container: $name renews nothing in the bundle"
done < <(grep -E -- '-renewal-[0-9]{2}\.tst$' "$work/names")
[ -n "$ended" ] || doubt "10 chain: no receipt says how it ended"
[ $result -ne 0 ] || ok "dispatch $dispatch, delivery $delivery: $ended"
exit $result
