package web

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Trail shows auditors the log, and checks it in front of them.
type Trail interface {
	// Shards are newest first.
	Shards(ctx context.Context, actor hub.Actor) ([]hub.LogView, error)
	// Entries lists entries of a shard, named by its year, below an index or from the end.
	Entries(ctx context.Context, actor hub.Actor, shard string, below int64, limit int) ([]hub.LogLine, error)
	Path(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (hub.LogPath, error)
	Compare(ctx context.Context, actor hub.Actor, kept []byte) (hub.LogGrowth, error)
}

// trailPage is the log: how it stands, its entries, and what was found or compared.
type trailPage struct {
	Shards  []hub.LogView
	Shard   string // the year whose entries are shown
	Entries []hub.LogLine
	Find    string // what was looked for
	Agency  string // code of the agency whose documents were looked through
	Found   []hub.SentItem
	Sought  bool   // documents were looked for
	Kept    string // checkpoint that was typed
	Growth  *hub.LogGrowth
	Case    string // ids of dispatches that were typed

	First, Follow string
}

func (x *exchange) trail() error {
	q := x.r.URL.Query()
	p := trailPage{Shard: q.Get("shard"), Find: strings.TrimSpace(q.Get("find")), Agency: strings.TrimSpace(q.Get("agency"))}
	below, err := strconv.ParseInt(q.Get("below"), 10, 64)
	if err != nil || below < 0 {
		below = 0
	}
	switch {
	case p.Agency != "":
		return x.seekDocuments(p, q.Get("after"))
	case p.Find != "":
		return x.seek(p)
	}
	return x.showTrail(http.StatusOK, p, below, nil)
}

// showTrail shows the log, with entries below an index.
func (x *exchange) showTrail(status int, p trailPage, below int64, problems map[string]string) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	var err error
	if p.Shards, err = x.Trail.Shards(ctx, actor); err != nil {
		return err
	}
	if p.Shard == "" && len(p.Shards) > 0 {
		p.Shard = yearOf(p.Shards[0].Origin)
	}
	if p.Shard != "" && !p.Sought {
		if p.Entries, err = x.Trail.Entries(ctx, actor, p.Shard, below, rows); err != nil {
			return err
		}
		if below > 0 {
			p.First = "/trail?" + query("shard", p.Shard)
		}
		if n := len(p.Entries); n > 0 && p.Entries[n-1].Index > 0 {
			p.Follow = "/trail?" + query("shard", p.Shard, "below", strconv.FormatInt(p.Entries[n-1].Index, 10))
		}
	}
	return x.show(status, "trail", p, problems)
}

// yearOf is the last element of the name of a shard.
func yearOf(origin string) string { return origin[strings.LastIndexByte(origin, '/')+1:] }

var logPlaces = regexp.MustCompile(`^([0-9]{4})/([0-9]{1,18})$`)

// seek leads to what has an id, or to a place of the log.
func (x *exchange) seek(p trailPage) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	if place := logPlaces.FindStringSubmatch(p.Find); place != nil {
		index, err := strconv.ParseInt(place[2], 10, 64)
		if err != nil {
			return hub.Invalid("find", "number", "this is no place of the log")
		}
		p.Shard = place[1]
		return x.showTrail(http.StatusOK, p, index+1, nil)
	}
	_, err := x.Evidences.Evidence(ctx, actor, hub.EvidenceID(p.Find))
	if err == nil {
		return x.redirect("/trail/evidence/" + url.PathEscape(p.Find))
	}
	dispatch := hub.DispatchID(p.Find)
	if hub.KindOf(err) == hub.KindNotFound {
		_, err = x.Documents.Dispatch(ctx, actor, dispatch)
	}
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		dispatch, err = x.dispatchOf(hub.DeliveryID(p.Find))
	}
	switch {
	case err == nil:
		return x.redirect("/trail/dispatch/" + url.PathEscape(string(dispatch)))
	case hub.KindOf(err) != hub.KindNotFound:
		return err
	}
	return x.showTrail(http.StatusNotFound, p, 0, map[string]string{"find": x.texts.text(x.lang, "trail.nothing")})
}

// dispatchOf is the dispatch of a delivery, as its first evidence names it.
func (x *exchange) dispatchOf(id hub.DeliveryID) (hub.DispatchID, error) {
	list, err := x.Evidences.Evidences(x.r.Context(), x.visit.Actor, hub.EvidenceQuery{Delivery: id, Page: hub.Page{Limit: 1}})
	if err == nil && len(list.Items) == 0 {
		err = hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery")
	}
	if err != nil {
		return "", err
	}
	return list.Items[0].Evidence.Dispatch, nil
}

// seekDocuments finds what an agency sent, by number or words.
func (x *exchange) seekDocuments(p trailPage, after string) error {
	found, err := x.Directory.Resolve(p.Agency, x.Now())
	if err != nil && again(err) {
		return x.showTrail(http.StatusUnprocessableEntity, p, 0, map[string]string{"agency": x.problems(err)[""]})
	}
	if err != nil {
		return err
	}
	list, err := x.Boxes.Sent(x.r.Context(), x.visit.Actor, hub.SentQuery{
		Agency: found.Agency.ID, Text: p.Find, Page: hub.Page{After: after, Limit: rows},
	})
	if err != nil {
		return err
	}
	p.Found, p.Sought = list.Items, true
	if after != "" {
		p.First = "/trail?" + query("agency", p.Agency, "find", p.Find)
	}
	if list.Next != "" {
		p.Follow = "/trail?" + query("agency", p.Agency, "find", p.Find, "after", list.Next)
	}
	return x.showTrail(http.StatusOK, p, 0, nil)
}

// compareLog checks a checkpoint that an auditor kept against the log of now.
func (x *exchange) compareLog() error {
	p := trailPage{Kept: strings.ReplaceAll(x.r.PostFormValue("kept"), "\r\n", "\n")}
	kept := strings.TrimLeft(p.Kept, "\n")
	if !strings.HasSuffix(kept, "\n") {
		kept += "\n" // a form field loses the last one easily
	}
	growth, err := x.Trail.Compare(x.r.Context(), x.visit.Actor, []byte(kept))
	if err != nil && (again(err) || hub.KindOf(err) == hub.KindNotFound) {
		problems := x.problems(err)
		return x.showTrail(statusOf(hub.KindOf(err)), p, 0, map[string]string{"kept": problems[""]})
	}
	if err != nil {
		return err
	}
	p.Growth = &growth
	return x.showTrail(http.StatusOK, p, 0, nil)
}

// entryPage is one evidence and its way up to the root of the log.
type entryPage struct {
	hub.SealedEvidence
	Text    string       // canonical bytes
	Path    *hub.LogPath // nil: the log does not prove it yet
	Waiting string       // why not
	Broken  why          // the log is against it, and how
}

func (x *exchange) entry() error {
	ctx, actor := x.r.Context(), x.visit.Actor
	id := hub.EvidenceID(x.r.PathValue("evidence"))
	sealed, err := x.Evidences.Evidence(ctx, actor, id)
	if err != nil {
		return err
	}
	p := entryPage{SealedEvidence: sealed, Text: string(sealed.Canonical)}
	path, err := x.Trail.Path(ctx, actor, id)
	switch kind := hub.KindOf(err); {
	case err == nil:
		p.Path = &path
	case kind == hub.KindUntrusted:
		p.Broken = (&view{x: x}).Why(hub.SaidOf(err), err.Error())
	case kind == hub.KindUnavailable:
		p.Waiting = x.problems(err)[""]
	default:
		return err
	}
	return x.show(http.StatusOK, "entry", p, nil)
}

// coursePage follows one dispatch.
type coursePage struct {
	Item      hub.SentItem
	Evidences []hub.SealedEvidence
	Follow    string
	Verified  hub.DeliveryID // whose bundle was verified just now
	Report    *hub.FileReport
}

func (x *exchange) course() error { return x.showCourse(coursePage{}) }

func (x *exchange) showCourse(p coursePage) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	id := hub.DispatchID(x.r.PathValue("dispatch"))
	var err error
	if p.Item, err = x.Documents.Dispatch(ctx, actor, id); err != nil {
		return err
	}
	list, err := x.Evidences.Evidences(ctx, actor, hub.EvidenceQuery{
		Dispatch: id, Page: hub.Page{After: x.r.URL.Query().Get("after"), Limit: evidenceRows},
	})
	if err != nil {
		return err
	}
	p.Evidences = list.Items
	if list.Next != "" {
		p.Follow = "/trail/dispatch/" + url.PathEscape(string(id)) + "?" + query("after", list.Next)
	}
	return x.show(http.StatusOK, "course", p, nil)
}

// verifyCourse makes the bundle of a delivery and verifies it as anybody would who got it.
func (x *exchange) verifyCourse() error {
	release, err := x.takeVerifier()
	if err != nil {
		return err
	}
	defer release()
	order := hub.BundleOrder{Dispatch: hub.DispatchID(x.r.PathValue("dispatch")), Delivery: hub.DeliveryID(x.r.PostFormValue("delivery"))}
	var packed bytes.Buffer
	if err := x.Bundles.Write(x.r.Context(), x.visit.Actor, order, &packed); err != nil {
		return err
	}
	file, err := x.nameless(&packed)
	if err != nil {
		return err
	}
	defer file.Close()
	report, err := x.Verifier.VerifyFile(x.r.Context(), string(order.Dispatch)+".asice", file)
	if err != nil {
		return err
	}
	return x.showCourse(coursePage{Verified: order.Delivery, Report: &report})
}

// Recipient is the name of the recipient of a delivery.
func (p coursePage) Recipient(id hub.DeliveryID) string {
	i := slices.IndexFunc(p.Item.Deliveries, func(d hub.Delivery) bool { return d.ID == id })
	if i < 0 {
		return ""
	}
	return p.Item.Deliveries[i].Name
}
