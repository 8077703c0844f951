package storagetest

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// testHandOver: all that a hand-over changes is recorded, or nothing of it.
func testHandOver(t *testing.T, back Backend) {
	b := newBench(t, back)
	version, err := b.store.SaveAgencies(b.ctx, 0, []hub.Agency{{ID: "old"}, {ID: "new"}})
	b.must(err)
	person := hub.Account{Name: "an", FullName: "Mẫu", Password: "$argon2id$x", Memberships: []hub.Membership{{Agency: "old", Role: hub.RoleClerk}}, Created: b.Clock.UTC(), Version: 1}
	b.must(b.store.SaveAccount(b.ctx, person))
	for account, office := range map[string]hub.AgencyID{"an": "old", "binh": "other"} {
		b.must(b.store.SaveDraft(b.ctx, hub.Draft{ID: "1", Account: account, Office: office, Title: "Công văn", Saved: b.Clock, Letter: []byte("x")}))
	}
	moved := person
	moved.Version, moved.Memberships = 2, append(person.Memberships, hub.Membership{Agency: "new", Role: hub.RoleClerk})
	accepted := b.tasked([]hub.AgencyID{"old", "other"}, "2026-03-10")
	first, late := b.Step(accepted.Deliveries[0], hub.StateQueued), b.Step(accepted.Deliveries[1], hub.StateQueued)
	first.Delivery.Tasks = append([]hub.Assignment(nil), first.Delivery.Tasks...)
	first.Delivery.Tasks[0].Holder = "new"
	late.Version++
	change := hub.HandOverChange{
		Version: version, Agencies: []hub.Agency{{ID: "old", ReceivedBy: []hub.Dated[hub.AgencyID]{{Value: "new"}}, Version: version + 1}}, Accounts: []hub.Account{moved},
		From: "old", To: "new", Steps: []hub.Step{first}, Note: hub.RetentionNote{Name: "hand-over/old", Body: []byte(`{"to":"new"}`)},
	}
	// One part does not fit: nothing is changed.
	for _, spoil := range []func(*hub.HandOverChange){
		func(h *hub.HandOverChange) { h.Version-- },
		func(h *hub.HandOverChange) { h.Accounts = []hub.Account{moved, {Name: "nobody", Version: 2}} },
		func(h *hub.HandOverChange) { h.Steps = []hub.Step{first, late} },
	} {
		wrong := change
		spoil(&wrong)
		b.wants(hub.KindConflict, b.store.HandOver(b.ctx, wrong))
		stands, err := b.store.Account(b.ctx, "an")
		b.must(err)
		same(t, "the account", stands, person)
		_, err = b.store.Note(b.ctx, "hand-over/old")
		b.wants(hub.KindNotFound, err)
		if now, err := b.store.AgenciesVersion(b.ctx); err != nil || now != version {
			t.Errorf("the directory is of version %d, %v", now, err)
		}
	}
	if n, err := b.store.OfficeDrafts(b.ctx, "old"); err != nil || n != 1 {
		t.Errorf("%d drafts, %v", n, err)
	}
	held := hub.TaskQuery{Agency: "new", Page: hub.Page{Limit: 5}}
	if list, err := b.store.Tasks(b.ctx, held); err != nil || len(list.Items) != 0 {
		t.Errorf("%d tasks before, %v", len(list.Items), err)
	}
	b.must(b.store.HandOver(b.ctx, change))
	if list, err := b.store.Tasks(b.ctx, held); err != nil || len(list.Items) != 1 || list.Items[0].Delivery.Recipient != "old" {
		t.Errorf("%d tasks, %v", len(list.Items), err)
	}
	stands, err := b.store.Account(b.ctx, "an")
	b.must(err)
	same(t, "the account", stands, moved)
	agencies, now, err := b.store.LoadAgencies(b.ctx)
	b.must(err)
	if now != version+1 || len(agencies) != 2 || len(agencies[1].ReceivedBy) != 1 {
		t.Errorf("the directory of version %d is %+v", now, agencies)
	}
	draft, err := b.store.Draft(b.ctx, "an", "1")
	b.must(err)
	same(t, "the draft", draft, hub.Draft{ID: "1", Account: "an", Office: "new", Title: "Công văn", Saved: b.Clock.UTC(), Letter: []byte("x")})
	if n, err := b.store.OfficeDrafts(b.ctx, "other"); err != nil || n != 1 {
		t.Errorf("%d drafts of others, %v", n, err)
	}
	note, err := b.store.Note(b.ctx, "hand-over/old")
	b.must(err)
	same(t, "the note", string(note.Body), `{"to":"new"}`)
}
