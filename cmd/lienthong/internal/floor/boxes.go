package floor

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// box holds what waits for one recipient.
type box struct {
	waiting []*delivery
	bell    chan struct{} // closed when something comes
}

// deliver puts a dispatch into the boxes of its recipients.
func (f *Floor) deliver(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.held[id]
	if d == nil {
		return // told twice
	}
	at := now()
	for _, v := range d.deliveries {
		b := f.boxes[v.recipient]
		v.consigned = at
		b.waiting = append(b.waiting, v)
		close(b.bell)
		b.bell = make(chan struct{})
	}
}

// mailbox waits for a delivery, for a second at most.
func (f *Floor) mailbox(w http.ResponseWriter, r *http.Request, caller string) error {
	f.mu.RLock()
	waiting, bell := len(f.boxes[caller].waiting), f.boxes[caller].bell
	f.mu.RUnlock()
	if waiting == 0 {
		select {
		case <-bell:
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
	}
	return answer(w, map[string]int{"waiting": waiting})
}

// leased is one delivery as the load reads it.
type leased struct {
	Dispatch struct {
		ID         string `json:"id"`
		ExternalID string `json:"external_id"`
		Parts      []part `json:"parts"`
	} `json:"dispatch"`
	Delivery struct {
		ID        string         `json:"id"`
		Lease     map[string]int `json:"lease"`
		UpdatedAt time.Time      `json:"updated_at"`
	} `json:"delivery"`
}

// lease lends deliveries to the caller.
func (f *Floor) lease(w http.ResponseWriter, r *http.Request, caller string) error {
	var wish struct {
		Max int `json:"max"`
	}
	if err := json.NewDecoder(r.Body).Decode(&wish); err != nil {
		return errors.Join(errInvalid, err)
	}
	f.mu.Lock()
	b := f.boxes[caller]
	taken := b.waiting[:min(max(wish.Max, 0), len(b.waiting))]
	b.waiting = b.waiting[len(taken):]
	f.mu.Unlock()
	items := make([]leased, len(taken))
	for i, v := range taken {
		items[i].Dispatch.ID, items[i].Dispatch.ExternalID = v.dispatch.ID, v.dispatch.ExternalID
		items[i].Dispatch.Parts = []part{v.dispatch.Part}
		items[i].Delivery.ID, items[i].Delivery.Lease, items[i].Delivery.UpdatedAt = v.id, map[string]int{"fence": 1}, v.consigned
	}
	return answer(w, map[string][]leased{"items": items})
}

// part hands the original out and makes sure that its bytes are those that came.
func (f *Floor) part(w http.ResponseWriter, r *http.Request, caller string) error {
	f.mu.RLock()
	d := f.held[r.PathValue("dispatch")]
	f.mu.RUnlock()
	if d == nil || !d.goesTo(caller) {
		return errAbsent
	}
	in, err := f.objects.read(r.Context(), d.Part.Object)
	if err != nil {
		return err
	}
	defer in.Close()
	w.Header().Set("Content-Type", d.Part.MediaType)
	w.Header().Set("Content-Length", strconv.FormatInt(d.Part.Size, 10))
	if d.Part.To > 0 {
		return decoded(w, in, &d.Part)
	}
	return verified(w, in, &d.Part)
}

func (d *dispatch) goesTo(code string) bool {
	for _, v := range d.deliveries {
		if v.recipient == code {
			return true
		}
	}
	return false
}

// verified copies a part. The connection breaks before the last bytes of one that is
// damaged.
func verified(w io.Writer, in io.Reader, p *part) error {
	sum := sha256.New()
	buffer := make([]byte, min(p.Size, 256<<10))
	for left := p.Size; left > 0; {
		n, err := in.Read(buffer)
		sum.Write(buffer[:n])
		if left -= int64(n); left <= 0 && hub.Digest(sum.Sum(nil)) != p.SHA256 {
			return errDamaged
		}
		if _, err := w.Write(buffer[:n]); err != nil {
			return err
		}
		if err != nil && left > 0 {
			return err
		}
	}
	return nil
}

var errDamaged = errors.New("the original is damaged")

// decoded copies a part that is in a package.
func decoded(w io.Writer, in io.Reader, p *part) error {
	text, err := io.ReadAll(io.LimitReader(in, maxPackage))
	if err != nil {
		return err
	}
	document, err := base64.StdEncoding.AppendDecode(make([]byte, 0, p.Size+2), text[p.From:p.To])
	if err != nil {
		return err
	}
	return verified(w, bytes.NewReader(document), p)
}

// acknowledge ends a delivery: the recipient has the bytes whose digest it names.
func (f *Floor) acknowledge(w http.ResponseWriter, r *http.Request, caller string) error {
	var ack struct {
		Parts map[string]hub.Digest `json:"parts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ack); err != nil {
		return errors.Join(errInvalid, err)
	}
	id := r.PathValue("delivery")
	f.mu.RLock()
	v := f.open[id]
	f.mu.RUnlock()
	if v == nil || v.recipient != caller {
		return errAbsent
	}
	d := v.dispatch
	if ack.Parts[d.Part.ID] != d.Part.SHA256 {
		return fmt.Errorf("%w: another digest", errInvalid)
	}
	proof, err := f.prove("ContentHandover", d, []string{caller}, nil)
	if err != nil {
		return err
	}
	if err := f.rows.handOver(r.Context(), v, proof); err != nil {
		return err
	}
	f.release(v)
	return answer(w, proof)
}

func (f *Floor) release(v *delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, v.id)
	if v.dispatch.lent--; v.dispatch.lent == 0 {
		delete(f.held, v.dispatch.ID)
	}
}
