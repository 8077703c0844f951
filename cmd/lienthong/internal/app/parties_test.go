package app_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// look reads an address with a key.
func (h *testHub) look(t *testing.T, key, path string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestReceiptsAtEveryDoor: whichever way a receipt is asked for (the API in each form, its
// proof, bundles, sequences, the pages), the sender, the recipient that it names and
// auditors get it, and neither the other recipient of the same document nor anybody else.
func TestReceiptsAtEveryDoor(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	h := start(t, configIn(t.TempDir()))
	senderKey, recipientKey := h.enroll(t)
	operator := h.client(t, h.operatorKey(t))
	const others = "sgd,000.00.13.H47,Sở Giáo dục (hư cấu),department,,000.00.00.H47,,,true,,,H47.13,\nsyt,000.00.14.H47,Sở Y tế (hư cấu),department,,000.00.00.H47,,,true,,,H47.14,\n"
	if _, err := operator.ImportAgencies(t.Context(), strings.NewReader(agencies+others), false); err != nil {
		t.Fatal(err)
	}
	issue := func(k hubclient.NewKey) string {
		issued, err := operator.IssueKey(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		return issued.Secret
	}
	systems := []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify}
	keys := map[hub.AgencyID]string{
		"h47": senderKey, "snv": recipientKey,
		"sgd": issue(hubclient.NewKey{Name: "second", Kind: hub.ActorSystem, Agencies: []string{"sgd"}, Scopes: systems}),
		"syt": issue(hubclient.NewKey{Name: "stranger", Kind: hub.ActorSystem, Agencies: []string{"syt"}, Scopes: systems}),
		"":    issue(hubclient.NewKey{Name: "auditor", Kind: hub.ActorAuditor, Scopes: []hub.Scope{hub.ScopeAudit}}),
	}
	people := map[hub.AgencyID]*person{"": h.signIn(t, "kiem.toan", member("", hub.RoleAuditor))}
	for agency := range keys {
		if agency != "" {
			people[agency] = h.signIn(t, "van.thu."+string(agency), member(agency, hub.RoleClerk))
		}
	}

	sub := submission("a")
	sub.Recipients = []string{recipient, "000.00.13.H47"}
	sent, err := h.client(t, senderKey).Submit(t.Context(), sub, original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	of := map[hub.AgencyID]hub.DeliveryID{} // the recipients
	for _, d := range sent.Deliveries {
		of[d.Recipient] = d.ID
		c := h.client(t, keys[d.Recipient])
		if _, err := c.Refuse(t.Context(), d.ID, 0, hub.Reason{Code: hub.ReasonOther, Detail: "nhầm"}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := h.client(t, senderKey).DispatchEvidence(t.Context(), sent.Dispatch.ID, hub.Page{Limit: 100})
	if err != nil || len(list.Items) < 5 {
		t.Fatalf("%d receipts, %v", len(list.Items), err)
	}
	for i := range list.Items { // a proof is there as soon as the log is published
		for until := time.Now().Add(server.Patience); ; time.Sleep(50 * time.Millisecond) {
			if status, text := h.look(t, senderKey, "/v1/evidence/"+string(list.Items[i].Evidence.ID)+"/proof"); status == http.StatusOK {
				break
			} else if time.Now().After(until) {
				t.Fatalf("no proof: %d %s", status, text)
			}
		}
	}

	// expect asks at a door for a receipt, or for all of a recipient.
	expect := func(door string, who hub.AgencyID, may bool, status int, text string) {
		t.Helper()
		if may && status != http.StatusOK || !may && (status != http.StatusNotFound && status != http.StatusForbidden) {
			t.Errorf("%q gets %d at %s: %.200s", who, status, door, text)
		}
	}
	for who, key := range keys {
		_, listed := h.look(t, key, "/v1/dispatches/"+string(sent.Dispatch.ID)+"/evidence?limit=100")
		for i := range list.Items {
			e := &list.Items[i].Evidence
			about := []hub.AgencyID{"", e.Sender.ID}
			for _, r := range e.Recipients {
				about = append(about, r.ID)
			}
			may, id := slices.Contains(about, who), string(e.ID)
			for _, door := range []string{"/v1/evidence/" + id, "/v1/evidence/" + id + "?form=xml", "/v1/evidence/" + id + "/proof"} {
				status, text := h.look(t, key, door)
				expect(door, who, may, status, text)
			}
			got := people[who].get("/evidence/" + id)
			expect("the page of "+e.Event.Name(), who, may, got.status, got.text)
			if strings.Contains(listed, `"evidence_id":"`+id) != may {
				t.Errorf("%q: %s of %v in the list: %.300s", who, e.Event.Name(), about, listed)
			}
			if status, text := h.look(t, key, "/v1/sequence?limit=500"); who != "" && (status != http.StatusOK || strings.Contains(text, id) != may) {
				t.Errorf("%q: %s of %v in its sequence: %d %.300s", who, e.Event.Name(), about, status, text)
			}
		}
		for agency, delivery := range of {
			may := who == "" || who == "h47" || who == agency
			door := "/v1/dispatches/" + string(sent.Dispatch.ID) + "/bundle?delivery=" + string(delivery)
			status, text := h.look(t, key, door)
			expect(door, who, may, status, text)
			got := people[who].get("/documents/" + string(sent.Dispatch.ID) + "/bundle?delivery=" + string(delivery))
			expect("the bundle on the page of "+string(agency), who, may, got.status, got.text)
		}
	}
}
