package bundle

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// Evidences shows evidence to those whom it concerns; to all others it does not exist
// (KindNotFound).
type Evidences interface {
	Evidence(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (hub.SealedEvidence, error)
	Evidences(ctx context.Context, actor hub.Actor, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error)
}

// Proofs proves that the log holds evidence.
type Proofs interface {
	// Prove returns what holds the checkpoint of the proof, too. What the log has not
	// published yet is KindUnavailable.
	Prove(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (audit.Proof, audit.Held, error)
	Consistency(ctx context.Context, older, newer *audit.Checkpoint) ([]hub.Digest, error)
}

// Dispatches shows what an actor may see of a dispatch, and its content to parties.
type Dispatches interface {
	Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error)
	Open(ctx context.Context, actor hub.Actor, id hub.DispatchID, partID string) (hub.Part, hub.Blob, error)
}

// Verdicts keeps what the verdicts on the signatures of a dispatch were made from.
type Verdicts interface {
	Archive(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.ValidationArchive, error)
}

// Packaging closes bundles.
type Packaging interface {
	// Trust returns what lies under trust/: keys, certificates and revocation lists of
	// those who signed receipts, checkpoints and these tokens.
	Trust(ctx context.Context, tokens [][]byte) ([]File, error)
	// ReceiptXML returns the signed XML form of a receipt.
	ReceiptXML(ctx context.Context, sealed hub.SealedEvidence) ([]byte, error)
	// Pack writes the container and seals it. Nothing was written when it fails for
	// what the files are.
	Pack(ctx context.Context, w io.Writer, files []File) error
}

// Builder makes bundles. It is safe for concurrent use when its ports are.
type Builder struct {
	Evidences  Evidences
	Proofs     Proofs
	Dispatches Dispatches
	Verdicts   Verdicts
	Packaging  Packaging
}

// Write writes the bundle of one delivery, with all that happened up to now. Parties of
// the delivery and auditors get one; to others it does not exist (KindNotFound). The log
// proves what was recorded a moment ago only after its next checkpoint: KindUnavailable.
// Content is streamed; of all else there is at most what a bundle may hold in memory.
// Nothing was written when the error is an *hub.Error of another kind than KindInternal.
func (b *Builder) Write(ctx context.Context, actor hub.Actor, order hub.BundleOrder, w io.Writer) error {
	item, err := b.Dispatches.Dispatch(ctx, actor, order.Dispatch)
	if err != nil {
		return err
	}
	delivery, err := choose(&item, order.Delivery)
	if err != nil {
		return err
	}
	g := &gathering{Builder: b, actor: actor, xml: order.XML, tokens: map[string][]byte{}, heads: map[string]audit.Checkpoint{}, notes: map[string]string{}, rehashes: map[string]*rehashFiles{}}
	defer g.close()
	archive, err := b.Verdicts.Archive(ctx, actor, order.Dispatch)
	if err != nil {
		return err
	}
	if err := g.receipts(ctx, delivery); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{g.growth, g.trust} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := g.archive(&archive); err != nil {
		return err
	}
	if order.Content {
		if err := g.content(ctx, &item.Dispatch); err != nil {
			return err
		}
	}
	return b.Packaging.Pack(ctx, w, g.files)
}

// choose finds the delivery among those that the actor sees.
func choose(item *hub.SentItem, wanted hub.DeliveryID) (*hub.Delivery, error) {
	if wanted == "" && len(item.Deliveries) != 1 {
		return nil, hub.Invalid("delivery", "required", "the dispatch has %d recipients, and a bundle is about one of them: name the delivery", len(item.Deliveries))
	}
	for i := range item.Deliveries {
		if d := &item.Deliveries[i]; wanted == "" || d.ID == wanted {
			return d, nil
		}
	}
	return nil, hub.Errorf(hub.KindNotFound, "delivery", "", "the dispatch has no such delivery")
}

// gathering collects the files of one bundle.
type gathering struct {
	*Builder
	actor  hub.Actor
	xml    bool // with the XML form of each receipt
	files  []File
	tokens map[string][]byte // by the name of their file
	heads  map[string]audit.Checkpoint
	notes  map[string]string // signed checkpoints, by the name of their token
	open   []io.Closer
	// rehashes are what is gathered of each, by the beginning of its files.
	rehashes map[string]*rehashFiles
}

func (g *gathering) close() {
	for _, c := range g.open {
		_ = c.Close() // was only read
	}
}

func (g *gathering) add(name, mediaType string, content []byte) {
	g.files = append(g.files, Bytes(name, mediaType, content))
}

// receipts adds every receipt of the chain with its proof, in order.
func (g *gathering) receipts(ctx context.Context, delivery *hub.Delivery) error {
	chain, err := g.chain(ctx, delivery)
	if err != nil {
		return err
	}
	for i := range chain {
		sealed := &chain[i]
		proof, held, err := g.Proofs.Prove(ctx, g.actor, sealed.Evidence.ID)
		if err != nil {
			return err
		}
		c, err := proof.Checkpoint()
		if err != nil {
			return err
		}
		if err := g.head(&c, proof.Note); err != nil {
			return err
		}
		for n, token := range held.Tokens {
			g.tokens[renewalName(tokenName(&c), n)] = token
		}
		g.rehashed(audit.ShardName(c.Origin), held.Rehashes)
		name := receiptName(i+1, sealed.Evidence.Event)
		g.add(name+endEvidence, "application/json", sealed.Canonical)
		g.add(name+endSignature, "application/jose", []byte(sealed.JWS))
		g.add(name+endProof, "text/plain", proof.Text())
		if g.xml {
			form, err := g.Packaging.ReceiptXML(ctx, *sealed)
			if err != nil {
				return err
			}
			g.add(name+endXML, "application/xml", form)
		}
	}
	g.addRehashes()
	for _, name := range slices.Sorted(maps.Keys(g.tokens)) {
		g.add(name, "application/vnd.etsi.timestamp-token", g.tokens[name])
	}
	return nil
}

// head takes the checkpoint of a proof. Of one size all receipts have the same note, for a
// token is over one of them: witnesses may have signed it between two proofs.
func (g *gathering) head(c *audit.Checkpoint, note []byte) error {
	name := tokenName(c)
	if before, known := g.notes[name]; known && before != string(note) {
		return &hub.Error{
			Kind: hub.KindUnavailable, Field: "evidence", Rule: "not_published", RetryAfter: time.Second,
			Message: "the log is being witnessed at this moment; ask again",
		}
	}
	g.heads[name], g.notes[name] = *c, string(note)
	return nil
}

// chain returns the evidence of a delivery from the acceptance on, and all that is about
// its dispatch as a whole, each behind the one that it names as its predecessor.
func (g *gathering) chain(ctx context.Context, delivery *hub.Delivery) ([]hub.SealedEvidence, error) {
	all, err := g.own(ctx, delivery.ID)
	if err != nil {
		return nil, err
	}
	whole, err := g.whole(ctx, delivery.Dispatch)
	if err != nil {
		return nil, err
	}
	all = append(all, whole...)
	wanted := []hub.EvidenceID{delivery.LastEvidence.ID}
	have := map[hub.EvidenceID]bool{}
	note := func(e *hub.Evidence) {
		if have[e.ID] = true; e.Prev != nil {
			wanted = append(wanted, e.Prev.ID)
		}
	}
	for i := range all {
		note(&all[i].Evidence)
	}
	for ; len(wanted) > 0; wanted = wanted[1:] {
		if have[wanted[0]] {
			continue
		}
		sealed, err := g.Evidences.Evidence(ctx, g.actor, wanted[0])
		if err != nil {
			return nil, fmt.Errorf("reading evidence %s of a chain: %w", wanted[0], err)
		}
		all = append(all, sealed)
		note(&sealed.Evidence)
	}
	most := maxReceipts
	if g.xml {
		most = maxXML
	}
	if len(all) > most {
		return nil, hub.Errorf(hub.KindTooLarge, "delivery", "receipts", "the delivery has more than the %d receipts that a bundle holds", most)
	}
	return inOrder(all), nil
}

// own lists the evidence about a delivery; there may be none yet.
func (g *gathering) own(ctx context.Context, id hub.DeliveryID) ([]hub.SealedEvidence, error) {
	query := hub.EvidenceQuery{Delivery: id, Page: hub.Page{Limit: maxReceipts + 1}}
	list, err := g.Evidences.Evidences(ctx, g.actor, query)
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return nil, nil
	}
	return list.Items, err
}

// whole lists the evidence about a dispatch that is about no single delivery, and no more
// of it than is too much. To a recipient that of its own deliveries is shown among it.
func (g *gathering) whole(ctx context.Context, id hub.DispatchID) ([]hub.SealedEvidence, error) {
	var whole []hub.SealedEvidence
	query := hub.EvidenceQuery{Dispatch: id, Whole: true, Page: hub.Page{Limit: maxReceipts + 1}}
	for {
		list, err := g.Evidences.Evidences(ctx, g.actor, query)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			if list.Items[i].Evidence.Delivery == "" {
				whole = append(whole, list.Items[i])
			}
		}
		if list.Next == "" || len(whole) > maxReceipts {
			return whole, nil
		}
		query.Page.After = list.Next
	}
}

// inOrder puts each evidence behind its predecessor; what follows the same one is in the
// order of time, and of ids.
func inOrder(all []hub.SealedEvidence) []hub.SealedEvidence {
	slices.SortStableFunc(all, func(a, b hub.SealedEvidence) int { return a.Evidence.Time.Compare(b.Evidence.Time) })
	ordered := make([]hub.SealedEvidence, 0, len(all))
	placed := map[hub.EvidenceID]bool{}
	for range all {
		for i := range all {
			e := &all[i].Evidence
			if !placed[e.ID] && (e.Prev == nil || placed[e.Prev.ID]) {
				ordered, placed[e.ID] = append(ordered, all[i]), true
				break
			}
		}
	}
	return ordered
}

// growth shows of the checkpoints of a shard that each is the beginning of the next.
func (g *gathering) growth(ctx context.Context) error {
	heads := sortedHeads(g.heads)
	for i := 1; i < len(heads); i++ {
		older, newer := &heads[i-1], &heads[i]
		if older.Origin != newer.Origin {
			continue
		}
		hashes, err := g.Proofs.Consistency(ctx, older, newer)
		if err != nil {
			return err
		}
		g.add(growthName(older, newer), "text/plain", audit.WriteConsistency(hashes))
	}
	return nil
}

// sortedHeads returns checkpoints by shard and size.
func sortedHeads(heads map[string]audit.Checkpoint) []audit.Checkpoint {
	list := slices.Collect(maps.Values(heads))
	slices.SortFunc(list, func(a, b audit.Checkpoint) int {
		if a.Origin != b.Origin {
			return strings.Compare(a.Origin, b.Origin)
		}
		return int(a.Size - b.Size)
	})
	return list
}

func (g *gathering) trust(ctx context.Context) error {
	var tokens [][]byte
	for _, name := range slices.Sorted(maps.Keys(g.tokens)) {
		tokens = append(tokens, g.tokens[name])
	}
	files, err := g.Packaging.Trust(ctx, tokens)
	g.files = append(g.files, files...)
	return err
}

// archive adds the verdicts on the signatures of the document and what they were made
// from.
func (g *gathering) archive(archive *hub.ValidationArchive) error {
	text, err := json.Marshal(archive)
	if err != nil {
		return hub.Internal("write an archive of validation", err)
	}
	g.add(ArchiveFile, "application/json", text)
	return nil
}

// content adds the parts of the document. They stay open until they are written.
func (g *gathering) content(ctx context.Context, dispatch *hub.Dispatch) error {
	facts := hub.PartFacts(dispatch.Parts)
	if facts == nil {
		return nil
	}
	for i := range facts.Parts {
		part, blob, err := g.Dispatches.Open(ctx, g.actor, dispatch.ID, facts.Parts[i].ID)
		if err != nil {
			return err
		}
		g.open = append(g.open, blob)
		g.files = append(g.files, File{contentName(i+1, &facts.Parts[i]), part.MediaType, blob, blob.Size()})
	}
	return nil
}
