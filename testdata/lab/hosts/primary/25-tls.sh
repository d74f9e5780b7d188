# shellcheck shell=bash
# The house's own certificate authority and what it signed. Made anew in every
# build: keys have no place in a source tree.
source ../common/functions.sh

umask 077
install -d -m 700 /etc/pki/rio
cd /etc/pki/rio || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/O=Rio/CN=Rio Home CA' \
  -keyout ca.key -out ca.crt 2>/dev/null

sign() { # sign NAME SAN
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/O=Rio/CN=$1" \
    -keyout "/etc/pki/tls/private/$1.key" -out request.csr 2>/dev/null
  openssl x509 -req -in request.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 \
    -extfile <(printf 'subjectAltName=%s\n' "$2") -out "/etc/pki/tls/certs/$1.crt" 2>/dev/null
  rm request.csr
  cat ca.crt >>"/etc/pki/tls/certs/$1.crt"
  chmod 644 "/etc/pki/tls/certs/$1.crt"
}
sign rio.example 'DNS:rio.example,DNS:*.rio.example'
sign sakura.example 'DNS:sakura.example,DNS:www.sakura.example'
chmod 644 ca.crt
install -m 644 ca.crt /etc/pki/ca-trust/source/anchors/rio-home-ca.crt
command -v update-ca-trust >/dev/null && update-ca-trust
openssl dhparam -dsaparam -out /etc/pki/tls/private/dhparams.pem 2048 2>/dev/null
