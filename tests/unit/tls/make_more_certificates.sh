#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Certificates that only the tests of TLS need: make_more_certificates.sh DIR CA_DIR
#   rsa.pem, rsa.key             localhost, RSA 2048, by the shared CA
#   weak-rsa.pem, weak-rsa.key   the same with RSA 1024
#   sha1.pem                     as server.pem, signed with SHA-1
#   chain.pem                    as server.pem, through intermediate.pem, both in the file
#   leaf-only.pem                the first of chain.pem
#   common-name.pem              no subjectAltName, CN=127.0.0.1
#   wildcard.pem                 *.example.org
#   many-names.pem               200 names below example.org
#   expired-wrong.pem            expired, for another host, by its own key
#   revoked.pem, revoked.crl     as server.pem, and the shared CA's list in which it stands
#   empty.crl, old.crl           lists of the shared CA with nothing in it, and one out of date
set -eu
cd "$1"
ca="$2"

cat > openssl.cnf <<END
[req]
distinguished_name = name
prompt = no
[name]
CN = leat test
[server]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[wildcard]
basicConstraints = CA:false
subjectAltName = DNS:*.example.org
[no_names]
basicConstraints = CA:false
[many_names]
basicConstraints = CA:false
subjectAltName = $(seq -s, -f 'DNS:host-%03g.example.org' 200)
[elsewhere]
basicConstraints = CA:false
subjectAltName = DNS:elsewhere.example, IP:192.0.2.7
[intermediate]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
END

# sign NAME SUBJECT KEY EXTENSIONS ISSUER_CERT ISSUER_KEY [OPTION...]
sign() {
    name="$1" subject="$2" key="$3" extensions="$4" issuer="$5" issuer_key="$6"
    shift 6
    openssl req -new -key "$key" -subj "/CN=$subject" -config openssl.cnf -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA "$issuer" -CAkey "$issuer_key" -CAcreateserial \
        -CAserial "$name.srl" -days 3650 -extfile openssl.cnf -extensions "$extensions" "$@" \
        -out "$name.pem" 2> sign.log || { cat sign.log >&2; exit 1; }
}

openssl genrsa -out rsa.key 2048 2> /dev/null
openssl genrsa -out weak-rsa.key 1024 2> /dev/null
openssl ecparam -name prime256v1 -genkey -noout -out intermediate.key

sign rsa         localhost rsa.key            server   "$ca/ca.pem" "$ca/ca.key"
sign weak-rsa    localhost weak-rsa.key       server   "$ca/ca.pem" "$ca/ca.key"
sign sha1        localhost "$ca/server.key"   server   "$ca/ca.pem" "$ca/ca.key" -sha1
sign common-name 127.0.0.1 "$ca/server.key"   no_names "$ca/ca.pem" "$ca/ca.key"
sign wildcard    wildcard  "$ca/server.key"   wildcard "$ca/ca.pem" "$ca/ca.key"
sign many-names  many      "$ca/server.key"   many_names "$ca/ca.pem" "$ca/ca.key"
sign intermediate "leat intermediate" intermediate.key intermediate "$ca/ca.pem" "$ca/ca.key"
sign leaf-only   localhost "$ca/server.key"   server   intermediate.pem intermediate.key
cat leaf-only.pem intermediate.pem > chain.pem
openssl req -new -key "$ca/server.key" -subj "/CN=expired-wrong" -config openssl.cnf -out ew.csr
: > index.txt
openssl ca -batch -notext -config /dev/stdin -selfsign -in ew.csr -keyfile "$ca/server.key" \
    -startdate 20200101000000Z -enddate 20210101000000Z -extfile openssl.cnf \
    -extensions elsewhere -out expired-wrong.pem 2> ca.log << 'END' || { cat ca.log >&2; exit 1; }
[ca]
default_ca = issuer
[issuer]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any_name
[any_name]
commonName = supplied
END

sign revoked localhost "$ca/server.key" server "$ca/ca.pem" "$ca/ca.key"
cat > crl.cnf << 'END'
[ca]
default_ca = issuer
[issuer]
database = crl-index.txt
default_md = sha256
default_crl_days = 3650
END
: > crl-index.txt
crl() {
    openssl ca -config crl.cnf -cert "$ca/ca.pem" -keyfile "$ca/ca.key" "$@" 2> crl.log ||
        { cat crl.log >&2; exit 1; }
}
crl -gencrl -out empty.crl
crl -gencrl -crl_lastupdate 20200101000000Z -crl_nextupdate 20210101000000Z -out old.crl
crl -revoke revoked.pem
crl -gencrl -out revoked.crl
