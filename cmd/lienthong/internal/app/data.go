package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// lockData takes the data folder for this process alone: two writers of one
// SQLite file would each believe to be the only one.
func (a *App) lockData(context.Context) error {
	f, err := lockFolder(a.config.DataDir)
	a.lock = f
	return err
}

// tlsYear is how long a self-made TLS certificate is valid: the longest that
// common clients accept.
const tlsYear = 397 * 24 * time.Hour

// loadOrCreateTLS returns the self-made certificate of the data folder and makes
// a new one when there is none or it ends within a month.
func loadOrCreateTLS(dir, name string) (tls.Certificate, error) {
	path := filepath.Join(dir, "tls.pem")
	certificate, err := tls.LoadX509KeyPair(path, path)
	switch {
	case err == nil && time.Until(certificate.Leaf.NotAfter) > 30*24*time.Hour:
		return certificate, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return tls.Certificate{}, err
	}
	text, err := newTLS(name, time.Now())
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := writeSecret(path, text); err != nil {
		return tls.Certificate{}, err
	}
	return tls.LoadX509KeyPair(path, path)
}

func newTLS(name string, now time.Time) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: []string{"self-made by lienthong"}},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(tlsYear),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: localNames(), IPAddresses: localAddresses(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return string(append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)), nil
}

// hostnames are what a certificate can name.
var hostnames = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$`)

// localNames are the names of this machine, for the certificate.
func localNames() []string {
	if name, err := os.Hostname(); err == nil && hostnames.MatchString(name) && name != "localhost" {
		return []string{"localhost", name}
	}
	return []string{"localhost"}
}

// localAddresses are the addresses of this machine, for the certificate.
func localAddresses() []net.IP {
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	addresses, _ := net.InterfaceAddrs() // without them the certificate names loopback only
	for _, a := range addresses {
		if ipnet, ok := a.(*net.IPNet); ok && !ipnet.IP.IsLoopback() {
			ips = append(ips, ipnet.IP)
		}
	}
	return ips
}
