package signing

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/token"
)

// SealSide is the side of the seal of an agency in millimetres, its real size.
const SealSide = 36

// SealOptions say how the seal of one agency is put.
type SealOptions struct {
	// Open opens the key. It is called again after the key failed.
	Open  func() (*token.Key, error)
	Level pdfsig.Level // not LevelLegacy, which would hold the file in memory
	// Stamp, StampDigest and Material as in pdfsig.SignRequest, for the levels above B-B.
	Stamp       func(ctx context.Context, value []byte) ([]byte, error)
	StampDigest func(ctx context.Context, digest []byte) ([]byte, error)
	Material    func(ctx context.Context, message []byte) (pdfsig.Material, error)
	Image       []byte // PNG of the seal; empty for a seal that does not show
	Reason      string
}

// AgencySeals put the seals of agencies on PDF files. They are safe for concurrent use;
// each key makes one signature at a time.
type AgencySeals struct {
	seals map[hub.AgencyID]*agencySeal
	now   func() time.Time
}

type agencySeal struct {
	SealOptions
	key   *sealKey
	chain []*x509.Certificate // when it was opened; nil for one that was away
}

// NewAgencySeals returns seals without any.
func NewAgencySeals(now func() time.Time) *AgencySeals {
	return &AgencySeals{seals: map[hub.AgencyID]*agencySeal{}, now: now}
}

// Add opens the key of a seal. A key that cannot be used for good is an error. A token
// that is out of reach now is none: away tells why, and every use tries again.
func (s *AgencySeals) Add(agency hub.AgencyID, options SealOptions) (away, err error) {
	seal := &agencySeal{SealOptions: options, key: newSealKey(options.Open, s.now)}
	if seal.key.key, err = options.Open(); errors.Is(err, token.ErrAway) {
		away, err = err, nil
	}
	if err == nil {
		if seal.key.key != nil {
			seal.chain = seal.key.key.Chain
		}
		s.seals[agency] = seal
	}
	return away, err
}

// Chains returns the certificates of the seals as they were when these were opened, signer
// first, without those of tokens that were away.
func (s *AgencySeals) Chains() map[hub.AgencyID][]*x509.Certificate {
	all := make(map[hub.AgencyID][]*x509.Certificate, len(s.seals))
	for agency, seal := range s.seals {
		if seal.chain != nil {
			all[agency] = seal.chain
		}
	}
	return all
}

// HasSeal reports whether the agency has a seal here, in reach now or not.
func (s *AgencySeals) HasSeal(agency hub.AgencyID) bool { return s.seals[agency] != nil }

// Close ends the sessions with tokens, when no use is under way any more.
func (s *AgencySeals) Close() error {
	var errs []error
	for _, seal := range s.seals {
		errs = append(errs, seal.key.close())
	}
	return errors.Join(errs...)
}

// Seal adds the seal of the agency of the order to the PDF in and writes the result to
// out, which must be thrown away on error. It returns the SHA-256 of the certificate.
// Earlier signatures stay valid. Errors: of the file as of SignFailure; KindConflict for
// a certificate that is not in force; KindUnavailable when the key, the time-stamp
// authority or the revocation lists are not at hand.
func (s *AgencySeals) Seal(ctx context.Context, order hub.SealOrder, in io.ReaderAt, size int64, out io.Writer) (hub.Digest, error) {
	seal := s.seals[order.Agency]
	if seal == nil {
		return hub.Digest{}, hub.Errorf(hub.KindNotFound, "agency", "seal", "no seal is set up for this agency")
	}
	chain, err := seal.key.chain(ctx)
	if err != nil {
		return hub.Digest{}, err
	}
	own := chain[0]
	if order.At.Before(own.NotBefore) || order.At.After(own.NotAfter) {
		return hub.Digest{}, hub.Errorf(hub.KindConflict, "agency", "certificate", "the certificate of the seal is in force from %s to %s only; the operator puts in another one",
			own.NotBefore.In(appearance.Zone()).Format(time.DateOnly), own.NotAfter.In(appearance.Zone()).Format(time.DateOnly))
	}
	look, err := seal.appearance(order, in, size)
	if err != nil {
		return hub.Digest{}, ofFile(err)
	}
	failure := &firstFailure{}
	request := pdfsig.SignRequest{
		Key: pen{own.PublicKey, func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			return seal.key.sign(ctx, own, random, digest, opts)
		}, failure},
		Chain: chain, Level: seal.Level, Reason: seal.Reason, Time: order.At, Appearance: look,
		Stamp: stampOrAway(seal.Stamp, failure), StampDigest: stampOrAway(seal.StampDigest, failure), Material: seal.material(failure),
	}
	if err := pdfsig.Sign(ctx, in, size, out, request); err != nil {
		if cause := failure.get(); cause != nil {
			err = cause
		}
		return hub.Digest{}, ofFile(err)
	}
	return sha256.Sum256(own.Raw), nil
}

// stampOrAway tells clients no more of the time-stamp authority than that it is away.
func stampOrAway(stamp func(context.Context, []byte) ([]byte, error), failure *firstFailure) func(context.Context, []byte) ([]byte, error) {
	if stamp == nil {
		return nil
	}
	return func(ctx context.Context, value []byte) ([]byte, error) {
		raw, err := stamp(ctx, value)
		if err != nil {
			err = &hub.Error{Kind: hub.KindUnavailable, Field: "agency", Rule: "timestamp", Message: "the time-stamp authority gives no timestamp now; try again later", Err: err}
		}
		return raw, failure.keep(err)
	}
}

func (s *agencySeal) material(failure *firstFailure) func(context.Context, []byte) (pdfsig.Material, error) {
	if s.Material == nil {
		return nil
	}
	return func(ctx context.Context, message []byte) (pdfsig.Material, error) {
		found, err := s.Material(ctx, message)
		if err != nil {
			err = &hub.Error{Kind: hub.KindUnavailable, Field: "agency", Rule: "validation_data", Message: "certificates or current revocation lists for a level that lasts are not at hand; the operator provides them", Err: err}
		}
		return found, failure.keep(err)
	}
}

// appearance is what the seal shows, and where; nil shows nothing.
func (s *agencySeal) appearance(order hub.SealOrder, in io.ReaderAt, size int64) (*pdfsig.Appearance, error) {
	if order.Role == hub.SealIssued && len(s.Image) == 0 {
		return nil, nil
	}
	layout, err := pdfsig.ReadLayout(in, size)
	if err != nil {
		return nil, err
	}
	if order.Role == hub.SealIssued {
		a := &pdfsig.Appearance{Image: s.Image}
		if !PlaceSeal(a, layout, "", SealSide) {
			return nil, hub.Invalid("file", "leader_signature", "no signature shows in the document that the seal could be placed beside")
		}
		return a, nil
	}
	if len(layout.Pages) == 0 {
		return nil, hub.Invalid("file", "page", "the document has no page")
	}
	page := layout.Pages[0]
	a := &pdfsig.Appearance{Page: 1, Lines: appearance.CopyLines("SAO Y", order.Name, order.At)}
	if a.Rect, err = appearance.TopRight(appearance.Rect{page.Left, page.Bottom, page.Right, page.Top}, a.Lines); err != nil {
		return nil, hub.Invalid("agency", "text", "the name of the agency cannot be shown: %v", err)
	}
	return a, nil
}

// PlaceSeal places a seal of that side in millimetres over the left third of a
// signature that shows: the one in that field, or the last one. It returns false when
// there is none.
func PlaceSeal(a *pdfsig.Appearance, layout pdfsig.Layout, field string, side float64) bool {
	for i := len(layout.Fields) - 1; i >= 0; i-- {
		f := layout.Fields[i]
		if !f.Signed || f.Page == 0 || f.Box.Empty() || field != "" && f.Name != field {
			continue
		}
		a.Page = f.Page
		a.Rect = appearance.SealPlace(appearance.Rect{f.Box.Left, f.Box.Bottom, f.Box.Right, f.Box.Top}, side*appearance.Millimetre)
		return true
	}
	return false
}

// SignFailure gives a refusal to sign its kind: KindUnsupported for encrypted and hybrid
// files, KindConflict where an earlier signature forbids it, KindTooLarge, else
// KindInvalid. The rule is that of the pdfsig.SignError; other errors stay as they are.
func SignFailure(err error) error {
	var refused *pdfsig.SignError
	if !errors.As(err, &refused) {
		return err
	}
	kind, field := hub.KindInvalid, "file"
	switch refused.Rule {
	case "encrypted", "hybrid":
		kind = hub.KindUnsupported
	case "permission":
		kind = hub.KindConflict
	case "size":
		kind = hub.KindTooLarge
	case "field", "page", "key", "level":
		field = refused.Rule
	case "appearance":
		field = "rect"
	}
	return hub.Errorf(kind, field, refused.Rule, "%s", refused.Reason)
}

// ofFile is SignFailure for callers who choose nothing but the file.
func ofFile(err error) error {
	err = SignFailure(err)
	var found *hub.Error
	if errors.As(err, &found) && found.Field == "rect" {
		found.Field = "file"
	}
	return err
}
