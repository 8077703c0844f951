package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/token"
)

// signKey names the key that signs: in a file, or in hardware.
type signKey struct {
	KeyFile        string   `type:"existingfile" placeholder:"FILE" help:"Private key with its certificates: PEM, or PKCS #12 (.p12, .pfx)."`
	ChainFile      []string `type:"existingfile" placeholder:"FILE" help:"More certificates (PEM), such as those of the authorities; repeat for several files."`
	PassphraseFile string   `type:"existingfile" placeholder:"FILE" help:"File with the passphrase of the key or the PIN of the token, in its first line."`
	Pkcs11Module   string   `name:"pkcs11-module" type:"existingfile" placeholder:"FILE" help:"PKCS #11 library of the token, instead of --key-file."`
	Pkcs11Label    string   `name:"pkcs11-label" placeholder:"LABEL" help:"Label of the token."`
	Pkcs11Object   string   `name:"pkcs11-object" placeholder:"LABEL" help:"Label of the key pair in the token."`
}

// open opens the key.
func (k *signKey) open(e *env) (*token.Key, error) {
	chain, err := k.chain()
	if err != nil {
		return nil, err
	}
	switch {
	case (k.KeyFile == "") == (k.Pkcs11Module == ""):
		return nil, hub.Invalid("key-file", "required", "name the key: --key-file FILE, or --pkcs11-module with --pkcs11-label and --pkcs11-object")
	case k.Pkcs11Module != "":
		return k.openHardware(e, chain)
	}
	data, err := os.ReadFile(k.KeyFile)
	if err != nil {
		return nil, hub.Invalid("key-file", "file", "%v", err)
	}
	if info, err := os.Stat(k.KeyFile); err == nil && info.Mode().Perm()&0o037 != 0 {
		e.note("%s can be read by others on this machine (%v); run: chmod 0600 %s", k.KeyFile, info.Mode().Perm(), k.KeyFile)
	}
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		return k.openPKCS12(e, data)
	}
	key, err := token.FromPEM(bytes.Join([][]byte{data, chain}, []byte("\n")))
	return key, keyFailure(err)
}

// chain is what the files of certificates hold.
func (k *signKey) chain() ([]byte, error) {
	var all []byte
	for _, path := range k.ChainFile {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, hub.Invalid("chain-file", "file", "%v", err)
		}
		all = append(append(all, data...), '\n')
	}
	return all, nil
}

func (k *signKey) openPKCS12(e *env, data []byte) (*token.Key, error) {
	passphrase, err := k.secret(e, "Passphrase of "+filepath.Base(k.KeyFile))
	if err != nil {
		return nil, err
	}
	key, err := token.FromPKCS12(data, passphrase)
	return key, keyFailure(err)
}

func (k *signKey) openHardware(e *env, chain []byte) (*token.Key, error) {
	if k.Pkcs11Label == "" || k.Pkcs11Object == "" {
		return nil, hub.Invalid("pkcs11-label", "required", "name token and key pair: --pkcs11-label and --pkcs11-object")
	}
	pin, err := k.secret(e, "PIN of "+k.Pkcs11Label)
	if err != nil {
		return nil, err
	}
	key, err := token.OpenHardware(token.Hardware{Module: k.Pkcs11Module, Token: k.Pkcs11Label, Key: k.Pkcs11Object, PIN: pin, Chain: chain})
	return key, keyFailure(err)
}

// secret reads a passphrase or PIN from its file, or asks for it without an echo.
func (k *signKey) secret(e *env, prompt string) (string, error) {
	if k.PassphraseFile != "" {
		data, err := os.ReadFile(k.PassphraseFile)
		if err != nil {
			return "", hub.Invalid("passphrase-file", "file", "%v", err)
		}
		return firstLine(data), nil
	}
	terminal, ok := e.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return "", hub.Invalid("passphrase-file", "required", "there is no terminal to ask at; use --passphrase-file")
	}
	fmt.Fprintf(e.Stderr, "%s: ", prompt)
	typed, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(e.Stderr)
	if err != nil {
		return "", hub.Invalid("passphrase-file", "terminal", "the terminal cannot be read: %v", err)
	}
	return string(typed), nil
}

// keyFailure gives what is wrong with a key its kind.
func keyFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, token.ErrPassphrase):
		return hub.Invalid("passphrase-file", "passphrase", "the passphrase is wrong")
	case errors.Is(err, token.ErrNoHardware):
		return hub.Errorf(hub.KindUnsupported, "pkcs11-module", "build", "%s", err)
	case errors.Is(err, token.ErrNotIncluded):
		return hub.Invalid("chain-file", "certificate", "%s: --chain-file FILE", strings.TrimSuffix(err.Error(), "; give its certificates too"))
	}
	return hub.Invalid("key-file", "key", "%s", err)
}
