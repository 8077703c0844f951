package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/tsp"
)

type signCommand struct {
	File    string `arg:"" type:"existingfile" help:"PDF, or edXML package (XML), to sign. It is not changed."`
	Out     string `type:"path" placeholder:"FILE" help:"Write the signed file here; FILE-signed with the same ending when left out. A file that is there is never replaced."`
	signKey `embed:""`

	Level   string   `enum:"b,t,lt,lta,legacy" default:"b" help:"b: PAdES B-B; t: B-T, with a timestamp; lt: B-LT, with all that a verifier needs years later; lta: B-LTA, that and a timestamp over the whole file; legacy: adbe.pkcs7.detached, as older tools make it."`
	PSS     bool     `name:"pss" help:"Use RSASSA-PSS with an RSA key."`
	TSA     string   `name:"tsa" placeholder:"URL" help:"Time-stamp authority, for the levels t, lt and lta."`
	CRL     []string `name:"crl" type:"existingfile" help:"Revocation lists of the authorities, for the levels lt and lta; repeat for several files."`
	Reason  string   `help:"Why it is signed."`
	Place   string   `help:"Where it is signed, such as \"Quảng Nam\"."`
	Field   string   `help:"Sign in this empty signature field, or name the new one so."`
	Certify int      `help:"Certify the document by its first signature: later changes are permitted up to 1 none, 2 forms and signatures, 3 notes too."`

	signLook `embed:""`
}

// Help explains what is not in the flags.
func (signCommand) Help() string {
	return "The signature is added to the file; earlier ones stay valid, and what they forbid is refused. " +
		"Passphrases and PINs are asked for at a terminal or read from --passphrase-file. " +
		"Places follow NĐ 30/2020, annex I: --role leader (blue picture in --rect), seal (red picture over the left third of the signature before it), " +
		"attachment and copy (text at the top right of page 1). " +
		"An edXML package gets a XAdES signature in its header, at level b or t; flags about pages are for PDF only."
}

// signedFile is the result.
type signedFile struct {
	File   string    `json:"file"`
	Out    string    `json:"out"`
	Level  string    `json:"level"`
	Signer string    `json:"signer"`
	Time   time.Time `json:"time"` // claimed
	Size   int64     `json:"size"`
}

// Run signs one file.
func (c *signCommand) Run(ctx context.Context, e *env) (err error) {
	in, err := os.Open(c.File)
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	isPackage, err := isXML(in)
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	at := time.Now().In(appearance.Zone()).Truncate(time.Second)
	request := pdfsig.SignRequest{
		PSS: c.PSS, Level: c.level(), Reason: c.Reason, Location: c.Place, Time: at, Field: c.Field, Certify: c.Certify,
	}
	if isPackage {
		err = c.checkPackage(info.Size())
	} else {
		request.Appearance, err = c.appearance(in, info.Size(), c.Field, at)
	}
	if err != nil {
		return signing.SignFailure(err)
	}
	if err := c.addProofs(&request); err != nil {
		return err
	}
	key, err := c.open(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, key.Close()) }()
	request.Key, request.Chain = key.Signer, key.Chain
	written, err := writeNew(c.out(), func(w io.Writer) error {
		if isPackage {
			return signPackage(ctx, in, info.Size(), w, request)
		}
		return signing.SignFailure(pdfsig.Sign(ctx, in, info.Size(), w, request))
	})
	if err != nil {
		return err
	}
	return c.done(e, request, written)
}

func (c *signCommand) done(e *env, request pdfsig.SignRequest, written int64) error {
	done := signedFile{File: c.File, Out: c.out(), Level: string(request.Level), Signer: request.Chain[0].Subject.CommonName, Time: request.Time, Size: written}
	if request.Level == pdfsig.LevelLegacy {
		done.Level = "legacy"
	}
	return e.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "%s: signed by %s, level %s\n", done.Out, done.Signer, done.Level)
	})
}

func (c *signCommand) out() string {
	if c.Out != "" {
		return c.Out
	}
	return besides(c.File, "-signed")
}

// besides names a file in the same folder: with the addition before the ending.
func besides(path, addition string) string {
	ending := filepath.Ext(path)
	return strings.TrimSuffix(path, ending) + addition + ending
}

func (c *signCommand) level() pdfsig.Level {
	return map[string]pdfsig.Level{"b": pdfsig.LevelB, "t": pdfsig.LevelT, "lt": pdfsig.LevelLT, "lta": pdfsig.LevelLTA, "legacy": pdfsig.LevelLegacy}[c.Level]
}

// addProofs sets up what the levels above b need.
func (c *signCommand) addProofs(request *pdfsig.SignRequest) error {
	long := c.Level == "lt" || c.Level == "lta"
	stamped := long || c.Level == "t"
	switch {
	case stamped && c.TSA == "":
		return hub.Invalid("tsa", "required", "the level %s needs a time-stamp authority: --tsa URL", c.Level)
	case !stamped && c.TSA != "":
		return hub.Invalid("tsa", "exclusive", "a timestamp belongs to the levels t, lt and lta; add --level t")
	case long && len(c.CRL) == 0:
		return hub.Invalid("crl", "required", "the level %s needs the revocation lists of the authorities: --crl FILE", c.Level)
	case !long && len(c.CRL) > 0:
		return hub.Invalid("crl", "exclusive", "revocation lists belong to the levels lt and lta; add --level lt")
	}
	if !stamped {
		return nil
	}
	client := tsp.NewClient(tsp.ClientOptions{URL: c.TSA})
	request.Stamp, request.StampDigest = signing.Stamp(client), signing.StampDigest(client)
	material := signing.LongTerm{Now: time.Now}
	for _, path := range c.CRL {
		data, err := os.ReadFile(path)
		if err != nil {
			return hub.Invalid("crl", "file", "%v", err)
		}
		lists, err := signing.ReadCRLs(data)
		if err != nil {
			return err
		}
		material.CRLs = append(material.CRLs, lists...)
	}
	var err error
	if material.Certificates, err = c.certificates(); err != nil {
		return err
	}
	request.Material = material.Material
	return nil
}

// certificates reads the certificates that are given besides the key.
func (c *signCommand) certificates() ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for _, path := range c.ChainFile {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, hub.Invalid("chain-file", "file", "%v", err)
		}
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, hub.Invalid("chain-file", "pem", "%s: %v", path, err)
			}
			list = append(list, certificate)
		}
	}
	return list, nil
}

// writeNew writes a file that was not there, wholly or not at all, and returns its size.
func writeNew(path string, write func(io.Writer) error) (int64, error) {
	reserved, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) // #nosec G302 -- a document, as others on this machine
	if errors.Is(err, os.ErrExist) {
		return 0, hub.Errorf(hub.KindConflict, "out", "exists", "%s is there already and is not replaced; choose another name with --out", path)
	}
	if err != nil {
		return 0, hub.Invalid("out", "file", "%v", err)
	}
	size, err := fill(reserved, write)
	if err != nil {
		return 0, errors.Join(err, os.Remove(path))
	}
	return size, nil
}

func fill(f *os.File, write func(io.Writer) error) (int64, error) {
	buffered := bufio.NewWriterSize(f, 256<<10)
	err := write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// firstLine is a secret without its line end.
func firstLine(data []byte) string {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r")
}
