package app

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSelfMadeCertificateServesThisMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, err := loadOrCreateTLS(dir, "lienthong")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	for _, name := range []string{"127.0.0.1", "::1", "localhost"} {
		if _, err := certificate.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	again, err := loadOrCreateTLS(dir, "lienthong")
	if err != nil || !bytes.Equal(again.Certificate[0], certificate.Certificate[0]) {
		t.Errorf("the second start made another certificate (%v)", err)
	}
}

func TestSelfMadeCertificateIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		made    time.Time
		renewed bool
	}{
		{"fresh", time.Now(), false},
		{"two months left", time.Now().Add(60*24*time.Hour - tlsYear), false},
		{"three weeks left", time.Now().Add(21*24*time.Hour - tlsYear), true},
		{"ended", time.Now().Add(-2 * tlsYear), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			text, err := newTLS("lienthong", tt.made)
			if err != nil {
				t.Fatal(err)
			}
			if err := writeSecret(filepath.Join(dir, "tls.pem"), text); err != nil {
				t.Fatal(err)
			}
			certificate, err := loadOrCreateTLS(dir, "lienthong")
			if err != nil {
				t.Fatal(err)
			}
			if renewed := certificate.Leaf.NotBefore.After(tt.made); renewed != tt.renewed {
				t.Errorf("renewed: %v, want %v", renewed, tt.renewed)
			}
		})
	}
}

func TestDamagedCertificateIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "tls.pem")
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadOrCreateTLS(dir, "lienthong"); err == nil {
		t.Error("a file that is no certificate was taken or overwritten")
	}
}

func TestSecretsAreForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := writeSecret(path, "one"); err != nil {
		t.Fatal(err)
	}
	if err := writeSecret(path, "two"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "two" {
		t.Errorf("read %q, %v", content, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files, want the secret alone", len(entries))
	}
}
