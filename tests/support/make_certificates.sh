#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the certificates of the tests into DIR, all with P-256 keys: make_certificates.sh DIR
#   ca.pem                       the CA that the tests trust
#   server.pem, server.key       localhost, 127.0.0.1, ::1 and *.test
#   expired.pem, future.pem, wrong-host.pem        as server.pem (and its key), but for one fault
#   unknown-ca.pem               as server.pem, by a CA that nobody trusts
#   self-signed.pem              as server.pem, signed with its own key
#   client-usage.pem             as server.pem, but for clients only
#   weak-hash.pem                as server.pem, signed with SHA-1
#   weak-key.pem, weak-key.key   as server.pem, with RSA of 1024 bits
#   client.pem, client.key, client-encrypted.key   a client; the password is "secret"
#   other-client.key             a key that does not fit client.pem
set -eu
cd "$1"

new_key() {
    openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"
}

for name in ca other-ca server client other-client; do
    new_key "$name.key"
done
openssl genrsa -out weak-key.key 1024 2> issue.log || { cat issue.log >&2; exit 1; }
openssl pkcs8 -topk8 -v2 aes-128-cbc -in client.key -passout pass:secret -out client-encrypted.key

cat > openssl.cnf <<'END'
[req]
distinguished_name = name
prompt = no
[name]
CN = leat test
[ca_extensions]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server_extensions]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, DNS:*.test, IP:127.0.0.1, IP:::1
[wrong_host_extensions]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.example
[client_extensions]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
[client_usage_extensions]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:localhost, DNS:*.test, IP:127.0.0.1, IP:::1
[ca]
default_ca = issuer
[issuer]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any_name
unique_subject = no
[any_name]
commonName = supplied
END

new_ca() {
    openssl req -x509 -new -key "$1.key" -days 3650 -subj "/CN=$2" -config openssl.cnf \
        -extensions ca_extensions -out "$1.pem"
}
new_ca ca "leat test CA"
new_ca other-ca "leat unknown CA"
openssl req -x509 -new -key server.key -days 3650 -subj "/CN=leat self-signed" \
    -config openssl.cnf -extensions server_extensions -out self-signed.pem

# issue NAME SUBJECT KEY EXTENSIONS CA FROM TO [DIGEST]
: > index.txt
issue() {
    openssl req -new -key "$3.key" -subj "/CN=$2" -config openssl.cnf -out "$1.csr"
    openssl ca -batch -notext -config openssl.cnf -extensions "$4" -cert "$5.pem" \
        -keyfile "$5.key" -startdate "$6" -enddate "$7" -md "${8:-sha256}" -in "$1.csr" -out "$1.pem" 2> issue.log ||
        { cat issue.log >&2; exit 1; }
}
usual='20200101000000Z 20491231000000Z'
# shellcheck disable=SC2086 # two words
{
    issue server       localhost     server   server_extensions       ca       $usual
    issue expired      localhost     server   server_extensions       ca       20200101000000Z 20210101000000Z
    issue future       localhost     server   server_extensions       ca       20480101000000Z 20491231000000Z
    issue wrong-host   elsewhere     server   wrong_host_extensions   ca       $usual
    issue unknown-ca   localhost     server   server_extensions       other-ca $usual
    issue client-usage localhost     server   client_usage_extensions ca       $usual
    issue weak-hash    localhost     server   server_extensions       ca       $usual sha1
    issue weak-key     localhost     weak-key server_extensions       ca       $usual
    issue client       "leat client" client   client_extensions       ca       $usual
}
