package schemas

import (
	"net/http"
	"strings"
	"testing"
)

func TestReadAPI(t *testing.T) {
	api, err := ReadAPI()
	if err != nil {
		t.Fatal(err)
	}
	if api.Title == "" || len(api.Operations) < 30 || len(api.Schemas) < 30 || len(api.Tags) < 5 {
		t.Fatalf("%q, %d operations, %d schemas, %d tags", api.Title, len(api.Operations), len(api.Schemas), len(api.Tags))
	}
	if first := api.Operations[0]; first.ID != "health" || first.Method != http.MethodGet || !first.Public {
		t.Errorf("the order of the description is lost: %+v", first)
	}
	for _, op := range api.Operations {
		if op.ID == "acknowledge" && !strings.HasPrefix(op.Body[0].Example, "{\n  \"fence\": 7,\n  \"parts\": {") {
			t.Errorf("the example reads %s", op.Body[0].Example)
		}
		if op.ID != "listMailbox" {
			continue
		}
		if op.Actor != "recipient" || len(op.Samples) != 3 || !strings.Contains(op.Samples[0].Source, "$HUB/v1/mailbox") {
			t.Errorf("%+v", op)
		}
		if p := op.Parameters[1]; p.Name != "state" || p.Type != (Type{Text: "list of", Schema: "DeliveryState"}) {
			t.Errorf("a shared parameter reads %+v", p)
		}
		if p := op.Parameters[6]; p.Name != "wait" || p.Type.Text != "integer (0 to 60)" {
			t.Errorf("%+v", p)
		}
		if r := op.Responses[0]; r.Status != "200" || r.Content[0].Type.Schema != "ItemList" {
			t.Errorf("%+v", r)
		}
		if r := op.Responses[2]; r.Status != "401" || !strings.Contains(r.Description, "No key") {
			t.Errorf("a shared answer reads %+v", r)
		}
	}
}

func TestParseAPIRefusesBrokenDescriptions(t *testing.T) {
	for name, text := range map[string]string{
		"not YAML":          "paths: [",
		"unknown parameter": "paths: {/x: {get: {parameters: [{$ref: '#/components/parameters/No'}]}}}",
		"unknown answer":    "paths: {/x: {get: {responses: {'200': {$ref: '#/components/responses/No'}}}}}",
		"odd operation":     "paths: {/x: {get: [1]}}",
		"odd schema":        "components: {schemas: {A: {properties: {b: [1]}}}}",
	} {
		if _, err := parseAPI([]byte(text)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}
