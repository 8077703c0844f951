package web

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Bounds of the evidence of one case.
const (
	maxCaseDocuments  = 50
	maxCaseDeliveries = 500
)

// caseIndex says what lies in the file of a case.
type caseIndex struct {
	Hub       string         `json:"hub"`
	MadeAt    time.Time      `json:"made_at"`
	MadeBy    string         `json:"made_by"` // account
	Documents []caseDocument `json:"documents"`
}

type caseDocument struct {
	Dispatch   hub.DispatchID `json:"dispatch"`
	Number     string         `json:"number"`
	Subject    string         `json:"subject"`
	Date       hub.Date       `json:"promulgated,omitempty"`
	Sender     string         `json:"sender"`
	AcceptedAt time.Time      `json:"accepted_at"`
	Bundles    []caseBundle   `json:"bundles"`
}

type caseBundle struct {
	Delivery  hub.DeliveryID    `json:"delivery"`
	Recipient string            `json:"recipient"`
	State     hub.DeliveryState `json:"state"`
	File      string            `json:"file"`
	SHA256    string            `json:"sha256"`
}

// caseFile answers with the evidence bundles of several documents in one ZIP, with an
// index: all of them or a page that says why not.
func (x *exchange) caseFile() error {
	p := trailPage{Case: x.r.PostFormValue("case")}
	items, err := x.caseItems(p.Case)
	if err != nil && (again(err) || hub.KindOf(err) == hub.KindNotFound) {
		e := hub.ViolationsOf(err)[0]
		return x.showTrail(statusOf(e.Kind), p, 0, map[string]string{"case": strings.TrimSpace(visible(e.Message) + " " + x.explain(e))})
	}
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(x.TempDir, "lienthong-*")
	if err != nil {
		return hub.Internal("create a file for one request", err)
	}
	defer file.Close()
	_ = os.Remove(file.Name()) // a file that keeps its name does no harm
	if err := x.writeCase(file, items); err != nil {
		return err
	}
	// From here on the pace is that of the browser, which keeps no place from others.
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return hub.Internal("read the evidence of a case", err)
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", disposition("attachment", x.say("case.name")+" "+x.Now().In(hub.Vietnam()).Format("2006-01-02 1504")+".zip"))
	h.Set("Content-Security-Policy", sandbox)
	if _, err := io.Copy(x.w, file); err != nil && x.r.Context().Err() == nil {
		panic(http.ErrAbortHandler) // the answer has begun: it must not look whole
	}
	return nil
}

// caseItems finds the documents that were named, by the ids of their dispatches. What is
// wrong names the id in its message.
func (x *exchange) caseItems(text string) ([]hub.SentItem, error) {
	var ids []string
	for _, id := range strings.Fields(text) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch {
	case len(ids) == 0:
		return nil, hub.Errorf(hub.KindInvalid, "case", "required", "")
	case len(ids) > maxCaseDocuments:
		return nil, hub.Errorf(hub.KindInvalid, "case", "max_items", "")
	}
	var items []hub.SentItem
	deliveries := 0
	for _, id := range ids {
		item, err := x.Documents.Dispatch(x.r.Context(), x.visit.Actor, hub.DispatchID(id))
		if hub.KindOf(err) == hub.KindNotFound && err != nil {
			return nil, hub.Errorf(hub.KindNotFound, "case", "document", "%s:", id)
		}
		if err != nil {
			return nil, err
		}
		if deliveries += len(item.Deliveries); deliveries > maxCaseDeliveries {
			return nil, hub.Errorf(hub.KindInvalid, "case", "max_items", "")
		}
		items = append(items, item)
	}
	return items, nil
}

func (x *exchange) writeCase(to io.Writer, items []hub.SentItem) error {
	release, err := x.takeVerifier()
	if err != nil {
		return err
	}
	defer release()
	z := zip.NewWriter(to)
	index := caseIndex{Hub: x.Name, MadeAt: x.Now().UTC().Truncate(time.Second), MadeBy: x.visit.Account.Name}
	for i := range items {
		d := &items[i].Dispatch
		doc := caseDocument{
			Dispatch: d.ID, Number: d.Document.Number(), Subject: d.Document.Subject, Date: d.Document.Promulgated, Sender: d.SenderName, AcceptedAt: d.AcceptedAt,
		}
		for n := range items[i].Deliveries {
			v := &items[i].Deliveries[n]
			b := caseBundle{Delivery: v.ID, Recipient: v.Name, State: v.State, File: string(d.ID) + "/" + string(v.ID) + ".asice"}
			w, err := z.CreateHeader(&zip.FileHeader{Name: b.File, Method: zip.Store})
			if err != nil {
				return hub.Internal("write the evidence of a case", err)
			}
			hash := sha256.New()
			if err := x.Bundles.Write(x.r.Context(), x.visit.Actor, hub.BundleOrder{Dispatch: d.ID, Delivery: v.ID}, io.MultiWriter(w, hash)); err != nil {
				return err
			}
			b.SHA256 = hex.EncodeToString(hash.Sum(nil))
			doc.Bundles = append(doc.Bundles, b)
		}
		index.Documents = append(index.Documents, doc)
	}
	raw, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return hub.Internal("write the index of a case", err)
	}
	w, err := z.Create("index.json")
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return hub.Internal("write the index of a case", err)
	}
	return nil
}
