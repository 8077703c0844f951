package hub_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// sealed returns an evidence with every kind of member, sealed without a key.
func sealed(t testing.TB) hub.SealedEvidence {
	t.Helper()
	index := 0
	at := time.Date(2025, 7, 1, 3, 4, 5, 678_000_000, time.UTC)
	e := hub.Evidence{
		Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: "e1",
		Event: hub.EventConsignmentRejection, Time: at, SubmissionTime: at,
		Reasons:    []hub.Reason{{Code: hub.ReasonWrongAddressee, Detail: "gửi nhầm <nơi nhận> & \u2028"}},
		Issuer:     hub.Party{ID: "hub"},
		Sender:     &hub.Party{ID: "a", Code: "H47", Name: "UBND tỉnh", Auth: &hub.AuthFact{Method: hub.AuthAPIKey, Actor: "k"}},
		Recipients: []hub.Party{{ID: "b", Code: "H47.12", Index: &index}},
		Dispatch:   "d1", Delivery: "v1",
		Content: &hub.Content{Parts: []hub.PartFact{{ID: "p1", Role: hub.RoleOriginal, Name: "a.pdf", Size: 7, SHA256: sha256.Sum256([]byte("x"))}}},
		Prev:    &hub.EvidenceRef{ID: "e0", SHA256: sha256.Sum256([]byte("y"))},
		Log:     hub.LogRef{Origin: "hub.example/log"},
	}
	var canonical bytes.Buffer
	enc := json.NewEncoder(&canonical)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		t.Fatal(err)
	}
	bare := bytes.TrimSpace(canonical.Bytes())
	return hub.SealedEvidence{Evidence: e, Canonical: bare, JWS: "eyJh..c2ln", Digest: sha256.Sum256(bare)}
}

func TestReceiptGoesThereAndBack(t *testing.T) {
	want := sealed(t)
	file := hub.MarshalReceipt(want)
	got, err := hub.ParseReceipt(file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if again := hub.MarshalReceipt(got); !bytes.Equal(again, file) {
		t.Errorf("the file changed:\n%s\n%s", again, file)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, file, "", "  "); err != nil {
		t.Fatal(err)
	}
	if got, err := hub.ParseReceipt(indented.Bytes()); err != nil || got.Digest != want.Digest {
		t.Errorf("an indented file: digest %s, error %v", got.Digest, err)
	}
}

// The place in a batch is a member of its own, so that the signature is what RFC 7515
// calls one.
func TestReceiptOfABatchGoesThereAndBack(t *testing.T) {
	want := sealed(t)
	want.JWS = "eyJh..c2ln~AAAA_w"
	file := hub.MarshalReceipt(want)
	if !bytes.HasSuffix(file, []byte(`,"jws":"eyJh..c2ln","batch":"AAAA_w"}`)) {
		t.Errorf("the file is %s", file)
	}
	if got, err := hub.ParseReceipt(file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReceiptInsideAnAnswer(t *testing.T) {
	want := hub.Accepted{Receipt: sealed(t), Duplicate: true}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(want); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body.String(), string(hub.MarshalReceipt(want.Receipt))) {
		t.Errorf("the answer %s does not hold the receipt file", body.String())
	}
	var got hub.Accepted
	if err := json.Unmarshal(body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Receipt, want.Receipt) {
		t.Errorf("got %+v", got.Receipt)
	}
	none, err := json.Marshal(hub.Accepted{})
	if err != nil || !strings.Contains(string(none), `"receipt":null`) {
		t.Errorf("without a receipt: %s, %v", none, err)
	}
}

func TestParseReceiptRefuses(t *testing.T) {
	file := string(hub.MarshalReceipt(sealed(t)))
	replace := func(old, by string) string {
		t.Helper()
		if !strings.Contains(file, old) {
			t.Fatalf("the receipt has no %q", old)
		}
		return strings.Replace(file, old, by, 1)
	}
	tests := []struct{ name, file, rule string }{
		{"nothing", "", "json"},
		{"not JSON", "receipt", "json"},
		{"cut off", file[:len(file)-9], "json"},
		{"array", "[]", "json"},
		{"no members", "{}", "required"},
		{"null evidence", `{"evidence":null,"jws":"a..b"}`, "required"},
		{"text evidence", `{"evidence":"x","jws":"a..b"}`, "required"},
		{"no signature", `{"evidence":{}}`, "detached_jws"},
		{"attached signature", replace(`"eyJh..c2ln"`, `"eyJh.e30.c2ln"`), "detached_jws"},
		{"signature is a number", replace(`"eyJh..c2ln"`, `7`), "detached_jws"},
		{"place is a number", replace(`"jws"`, `"batch":7,"jws"`), "base64url"},
		{"empty place", replace(`"jws"`, `"batch":"","jws"`), "base64url"},
		{"two places", replace(`"jws"`, `"batch":"AA","batch":"AA","jws"`), "duplicate_member"},
		{"place in the signature", replace(`"eyJh..c2ln"`, `"eyJh..c2ln~AA"`), "detached_jws"},
		{"unknown member", replace(`{"evidence"`, `{"note":1,"evidence"`), "unknown_member"},
		{"member in another case", replace(`"jws"`, `"JWS"`), "unknown_member"},
		{"two signatures", replace(`,"jws"`, `,"jws":"a..b","jws"`), "duplicate_member"},
		{"two evidences", replace(`{"evidence"`, `{"evidence":{},"evidence"`), "duplicate_member"},
		{"member twice inside", replace(`"event":`, `"event":"x","event":`), "duplicate_member"},
		{"member twice deep inside", replace(`{"id":"p1"`, `{"id":"p2","id":"p1"`), "duplicate_member"},
		{"twice by escape", replace(`"event":`, `"\u0065vent":"x","event":`), "duplicate_member"},
		{"twice by case", replace(`"event":`, `"Event":"x","event":`), "evidence"},
		{"unknown member inside", replace(`"event":`, `"extra":1,"event":`), "evidence"},
		{"wrong type inside", replace(`"event":"`, `"event":1,"x":"`), "evidence"},
		{"text behind", file + "{}", "trailing_data"},
		{"not UTF-8", replace("UBND", "UB\xffND"), "utf8"},
		{"deep", replace(`"event":`, `"extra":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,"event":`), "max_depth"},
		{"large", file + strings.Repeat(" ", hub.MaxReceiptSize), "max_size"},
	}
	for _, tt := range tests {
		_, err := hub.ParseReceipt([]byte(tt.file))
		var e *hub.Error
		if !errors.As(err, &e) || e.Rule != tt.rule {
			t.Errorf("%s: error %v, want the rule %s", tt.name, err, tt.rule)
			continue
		}
		want := hub.KindInvalid
		if tt.rule == "max_size" {
			want = hub.KindTooLarge
		}
		if e.Kind != want {
			t.Errorf("%s: kind %s, want %s", tt.name, e.Kind, want)
		}
	}
}

func FuzzParseReceipt(f *testing.F) {
	f.Add(hub.MarshalReceipt(sealed(f)))
	f.Add([]byte(`{"evidence":{"a":[{}]},"jws":"a..b"} `))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := hub.ParseReceipt(data)
		if err != nil {
			if kind := hub.KindOf(err); kind != hub.KindInvalid && kind != hub.KindTooLarge {
				t.Errorf("kind %s: %v", kind, err)
			}
			return
		}
		again, err := hub.ParseReceipt(hub.MarshalReceipt(s))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("what was read reads differently again: %+v, %v", again, err)
		}
	})
}
