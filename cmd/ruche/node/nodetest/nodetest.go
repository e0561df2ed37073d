// Package nodetest gives tests that start nodes with TLS what those need around them: names that lead to this machine, and
// certificates of a CA that is made for the run.
package nodetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Local says which of the names doesn't lead to this machine, and what to do about it. .ci/run writes them into /etc/hosts.
func Local(names ...string) error {
	for _, name := range names {
		if addrs, err := net.LookupHost(name); err != nil || len(addrs) == 0 || !net.ParseIP(addrs[0]).IsLoopback() {
			return fmt.Errorf("%s must lead to this machine: add \"127.0.0.1 %[1]s\" to /etc/hosts", name)
		}
	}
	return nil
}

// A CA signs the certificates of one run.
type CA struct {
	Cert *x509.Certificate
	// File holds it as PEM, for programs that are told of it by a path.
	File string

	dir string
	key *ecdsa.PrivateKey
}

// NewCA makes a CA that keeps its files in a directory.
func NewCA(dir string) (*CA, error) {
	c := &CA{File: filepath.Join(dir, "ca.pem"), dir: dir}
	var err error
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &c.key.PublicKey, c.key)
	if err != nil {
		return nil, err
	}
	if c.Cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return c, writePEM(c.File, "CERTIFICATE", der)
}

// Pool holds the CA and nothing else.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.Cert)
	return pool
}

// Certificate makes one for a name, and gives the files of it and its key.
func (c *CA) Certificate(name string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, c.Cert, &private.PublicKey, c.key)
	if err != nil {
		return "", "", err
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return "", "", err
	}
	serial := template.SerialNumber.String()
	cert, key = filepath.Join(c.dir, name+serial+".pem"), filepath.Join(c.dir, name+serial+".key")
	if err := writePEM(cert, "CERTIFICATE", der); err != nil {
		return "", "", err
	}
	return cert, key, writePEM(key, "EC PRIVATE KEY", keyDER)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
