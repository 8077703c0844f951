package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/schemas"
)

// spec is the API description as plain data, and as JSON schemas.
type spec struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
}

const specURL = "https://lienthong.test/openapi.json"

func readSpec(t testing.TB) *spec {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(schemas.OpenAPI()), &doc); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(specURL, asJSON); err != nil {
		t.Fatal(err)
	}
	s := &spec{compiler: c}
	s.doc, _ = asJSON.(map[string]any)
	return s
}

// at follows a JSON pointer of names, and $ref on the way.
func (s *spec) at(path ...string) (value any, pointer string) {
	value, pointer = s.doc, "#"
	for _, name := range path {
		value, pointer = s.follow(value, pointer)
		m, ok := value.(map[string]any)
		if !ok {
			return nil, ""
		}
		value = m[name]
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	return s.follow(value, pointer)
}

func (s *spec) follow(value any, pointer string) (any, string) {
	m, ok := value.(map[string]any)
	if !ok {
		return value, pointer
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return value, pointer
	}
	var path []string
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
	}
	return s.at(path...)
}

// check validates a JSON body against the schema of an answer of an operation.
func (s *spec) check(t *testing.T, method, pattern string, a answer) {
	t.Helper()
	status := fmt.Sprint(a.StatusCode)
	path := []string{"paths", pattern, strings.ToLower(method), "responses"}
	described, _ := s.at(append(path, status)...)
	if described == nil {
		if a.StatusCode < 400 {
			t.Errorf("%s %s answers %s, which the description does not know", method, pattern, status)
			return
		}
		status = "default"
	}
	mediaType, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	content, pointer := s.at(append(path, status, "content", mediaType, "schema")...)
	if content == nil {
		if len(a.body) > 0 && !strings.HasPrefix(mediaType, "application/pdf") {
			t.Errorf("%s %s answers %s with %q, which the description does not know", method, pattern, status, mediaType)
		}
		return
	}
	if !strings.HasSuffix(mediaType, "json") {
		return
	}
	s.validate(t, pointer, a.body)
}

func (s *spec) validate(t *testing.T, pointer string, body []byte) {
	t.Helper()
	schema, err := s.compiler.Compile(specURL + pointer)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v\n%s", pointer, err, body)
	}
}

func TestRoutesAgreeWithSpec(t *testing.T) {
	api, err := schemas.ReadAPI()
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]schemas.Operation{}
	for _, op := range api.Operations {
		described[op.Method+" "+op.Path] = op
	}
	for _, rt := range routes() {
		name := rt.method + " " + rt.pattern
		op, ok := described[name]
		if !ok {
			t.Errorf("%s is served and not described", name)
			continue
		}
		delete(described, name)
		if op.Public != rt.public {
			t.Errorf("%s: public is %v, described as %v", name, rt.public, op.Public)
		}
		if takesBody := len(op.Body) > 0; takesBody != (rt.limit != nil) && rt.pattern != "/v1/uploads/{upload}/complete" {
			t.Errorf("%s: described with a body: %v, served with one: %v", name, takesBody, rt.limit != nil)
		}
		if !rt.public && op.Actor == "" {
			t.Errorf("%s: x-actor does not say whose key the example needs", name)
		}
	}
	for name := range described {
		t.Errorf("%s is described and not served", name)
	}
}

func TestSpecLint(t *testing.T) {
	s := readSpec(t)
	api, err := schemas.ReadAPI()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	tags := map[string]bool{}
	for _, tag := range api.Tags {
		tags[tag.Name] = true
	}
	for _, op := range api.Operations {
		lintOperation(t, op)
		if ids[op.ID] || op.ID == "" {
			t.Errorf("%s %s: the operationId %q is empty or used twice", op.Method, op.Path, op.ID)
		}
		ids[op.ID] = true
		if !tags[op.Tag] {
			t.Errorf("%s: the tag %q is not declared", op.ID, op.Tag)
		}
	}
	used := map[string]bool{}
	s.eachRef(s.doc, func(ref string) {
		used[ref] = true
		if value, _ := s.follow(map[string]any{"$ref": ref}, ""); value == nil {
			t.Errorf("%s leads nowhere", ref)
		}
	})
	components, _ := s.doc["components"].(map[string]any)
	for kind, list := range components {
		for name := range list.(map[string]any) {
			if kind != "securitySchemes" && !used["#/components/"+kind+"/"+name] {
				t.Errorf("components/%s/%s is never used", kind, name)
			}
		}
	}
}

func lintOperation(t *testing.T, op schemas.Operation) {
	t.Helper()
	if op.Summary == "" || !strings.Contains(op.Description, "Errors:") {
		t.Errorf("%s: needs a summary, and a description that tells the errors", op.ID)
	}
	if len(op.Samples) == 0 {
		t.Errorf("%s: needs an example", op.ID)
	}
	for _, sample := range op.Samples {
		if sample.Lang != "Shell" || !strings.HasPrefix(sample.Source, "curl -fsS") || !strings.Contains(sample.Source, `"$HUB/`) {
			t.Errorf("%s: the example is not a curl line on $HUB: %s", op.ID, sample.Source)
		}
		if op.Public == strings.Contains(sample.Source, "$KEY") {
			t.Errorf("%s: the example has a key where none is needed, or none where one is", op.ID)
		}
	}
	declared := map[string]bool{}
	for _, p := range op.Parameters {
		declared[p.In+" "+p.Name] = true
		if p.In == "path" && !strings.Contains(op.Path, "{"+p.Name+"}") {
			t.Errorf("%s: the path has no {%s}", op.ID, p.Name)
		}
	}
	for _, name := range strings.FieldsFunc(op.Path, func(r rune) bool { return r == '/' }) {
		if strings.HasPrefix(name, "{") && !declared["path "+strings.Trim(name, "{}")] {
			t.Errorf("%s: the parameter %s is not described", op.ID, name)
		}
	}
	if !slices.ContainsFunc(op.Responses, func(r schemas.Response) bool { return r.Status == "default" }) {
		t.Errorf("%s: needs a default answer", op.ID)
	}
}

func (s *spec) eachRef(value any, f func(string)) {
	switch v := value.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			f(ref)
		}
		for _, member := range v {
			s.eachRef(member, f)
		}
	case []any:
		for _, element := range v {
			s.eachRef(element, f)
		}
	}
}

// Every example in the description is valid against the schema beside it.
func TestSpecExamples(t *testing.T) {
	s := readSpec(t)
	count := 0
	var walk func(value any, pointer string)
	walk = func(value any, pointer string) {
		m, ok := value.(map[string]any)
		if !ok {
			return
		}
		if example, ok := m["example"]; ok && m["schema"] != nil {
			raw, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			s.validate(t, pointer+"/schema", raw)
			count++
		}
		for name, member := range m {
			if name != "example" {
				walk(member, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
			}
		}
	}
	walk(s.doc, "#")
	if count < 15 {
		t.Errorf("only %d examples were found", count)
	}
}

// The schemas and the types of package hub say the same: no member is missing
// on either side, and what is always there is required.
func TestSchemasAgreeWithTypes(t *testing.T) {
	s := readSpec(t)
	types := map[string]reflect.Type{
		"Dispatch": reflect.TypeFor[hub.Dispatch](), "Delivery": reflect.TypeFor[hub.Delivery](),
		"Part": reflect.TypeFor[hub.Part](), "Document": reflect.TypeFor[hub.Document](),
		"Signer": reflect.TypeFor[hub.Signer](), "Reference": reflect.TypeFor[hub.Reference](),
		"Staff": reflect.TypeFor[hub.Staff](), "BusinessInfo": reflect.TypeFor[hub.BusinessInfo](),
		"Lease": reflect.TypeFor[hub.Lease](), "Registration": reflect.TypeFor[hub.Registration](),
		"Reason": reflect.TypeFor[hub.Reason](), "Accepted": reflect.TypeFor[hub.Accepted](),
		"Item": reflect.TypeFor[hub.Item](), "SentItem": reflect.TypeFor[hub.SentItem](),
		"Upload": reflect.TypeFor[hub.Upload](), "Evidence": reflect.TypeFor[hub.Evidence](),
		"Party": reflect.TypeFor[hub.Party](), "EvidenceRef": reflect.TypeFor[hub.EvidenceRef](),
		"AuthFact": reflect.TypeFor[hub.AuthFact](), "StatusReport": reflect.TypeFor[hub.StatusReport](),
		"FileReport": reflect.TypeFor[hub.FileReport](), "SignatureReport": reflect.TypeFor[hub.SignatureReport](), "SignatureVerdict": reflect.TypeFor[hub.SignatureVerdict](),
		"Agency": reflect.TypeFor[hub.Agency](), "ImportReport": reflect.TypeFor[hub.ImportReport](),
		"APIKey": reflect.TypeFor[hub.APIKey](), "NewKey": reflect.TypeFor[newKey](),
		"Submission": reflect.TypeFor[submission](), "PartWish": reflect.TypeFor[part](),
		"LeaseWish": reflect.TypeFor[leaseWish](), "Purge": reflect.TypeFor[hub.Purge](),
		"RetentionClass": reflect.TypeFor[hub.RetentionClass](), "RetentionClasses": reflect.TypeFor[hub.RetentionClasses](),
		"ClassesWish": reflect.TypeFor[classesWish](), "ClassesChange": reflect.TypeFor[classesChange](),
		"RetentionForecast": reflect.TypeFor[hub.RetentionForecast](), "HoldWish": reflect.TypeFor[holdWish](),
		"SignatureRule": reflect.TypeFor[hub.SignatureRule](), "SignatureRules": reflect.TypeFor[hub.SignatureRules](), "ValidationArchive": reflect.TypeFor[hub.ValidationArchive](), "Material": reflect.TypeFor[hub.Material](), "Recheck": reflect.TypeFor[hub.Recheck](), "RulesWish": reflect.TypeFor[rulesWish](),
		"CertificateBinding": reflect.TypeFor[hub.CertificateBinding](), "BindingWish": reflect.TypeFor[bindingWish](),
		"Subscription": reflect.TypeFor[hub.Subscription](), "SubscriptionWish": reflect.TypeFor[subscriptionWish](), "Push": reflect.TypeFor[hub.Push](), "SubscriptionPause": reflect.TypeFor[hub.Pause](), "Reach": reflect.TypeFor[hub.Reach](),
		"ConnectionTest": reflect.TypeFor[hub.ConnectionTest](), "TestedWay": reflect.TypeFor[hub.TestedWay](), "TestedHop": reflect.TypeFor[hub.TestedHop](),
		"LegalHold": reflect.TypeFor[hub.LegalHold](), "RetentionRun": reflect.TypeFor[hub.RetentionRun](),
		"RetentionFinding": reflect.TypeFor[hub.RetentionFinding](), "Problem": reflect.TypeFor[problem](), "Fault": reflect.TypeFor[fault](),
	}
	requests := []string{"RulesWish", "BindingWish", "ClassesWish", "HoldWish", "SubscriptionWish", "Submission", "PartWish", "LeaseWish", "NewKey", "Document", "Signer", "Reference", "Staff", "BusinessInfo"}
	for name, typ := range types {
		value, _ := s.at("components", "schemas", name)
		schema, ok := value.(map[string]any)
		if !ok {
			t.Errorf("there is no schema %s", name)
			continue
		}
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, field := range reflect.VisibleFields(typ) {
			tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if tag == "-" || tag == "" {
				continue
			}
			if properties[tag] == nil {
				t.Errorf("%s has %q, the schema does not", name, tag)
			}
			always := !strings.Contains(options, "omit")
			if !slices.Contains(requests, name) && always != slices.Contains(required, any(tag)) {
				t.Errorf("%s.%s: always there: %v, required by the schema: %v", name, tag, always, !always)
			}
			delete(properties, tag)
		}
		for property := range properties {
			t.Errorf("the schema %s has %q, the type does not", name, property)
		}
	}
	lists := map[string]any{
		"DeliveryState": hub.DeliveryStates(), "RefusalCode": hub.RefusalReasons(), "Scope": hub.Scopes(),
		"ConnectionWay": hub.ConnectionWays(), "TestHop": hub.TestHops(),
	}
	for name, list := range lists {
		value, _ := s.at("components", "schemas", name, "enum")
		if got, want := fmt.Sprint(value), fmt.Sprint(list); got != want {
			t.Errorf("the schema %s lists %s, the code %s", name, got, want)
		}
	}
}

func TestDocsPage(t *testing.T) {
	s := newTestServer(t)
	a := s.call(t, http.MethodGet, "/v1/docs", "", "Authorization", "")
	page := string(a.body)
	if a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for _, forbidden := range []string{"<script", "http://", "https://", " style=", " onclick", "<link", "<img", "ZgotmplZ"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page contains %q", forbidden)
		}
	}
	api, err := schemas.ReadAPI()
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range api.Operations {
		if !strings.Contains(page, `<article id="`+op.ID+`">`) || !strings.Contains(page, `href="#`+op.ID+`"`) {
			t.Errorf("the page does not show %s", op.ID)
		}
	}
	for _, schema := range api.Schemas {
		if !strings.Contains(page, `id="schema-`+schema.Name+`"`) {
			t.Errorf("the page does not show the schema %s", schema.Name)
		}
	}
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	if style != docsStyle {
		t.Error("the style on the page is not the one that the policy allows")
	}
	if policy := a.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
}
