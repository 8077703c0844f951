package schemas

import (
	_ "embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var openAPI string

// OpenAPI returns the description of the REST API as it is written: OpenAPI 3.1
// in YAML. It is the specification; adapters/httpapi follows it.
func OpenAPI() string { return openAPI }

//go:embed portal.yaml
var portal []byte

// Portal returns the description of what programs can ask of the portal, in the same form.
func Portal() []byte { return portal }

// API is the description in the form in which people read it: references are
// resolved and everything is in the order in which it is written.
type API struct {
	Title, Version, Summary, Description string

	Tags       []Tag
	Operations []Operation
	Schemas    []Schema
}

// Tag is a group of operations.
type Tag struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
}

// Operation is one method of one path.
type Operation struct {
	ID, Method, Path, Tag string
	Summary, Description  string

	Public     bool
	Actor      string // whose key the samples need: sender, recipient, verifier, operator
	Parameters []Parameter
	Body       []Content // one for each media type; nil without a body
	Responses  []Response
	Samples    []Sample
}

// Parameter is a parameter in the path, query or header.
type Parameter struct {
	Name, In, Description string
	Type                  Type
	Required              bool
}

// Content is a body in one media type.
type Content struct {
	MediaType string
	Type      Type
	Example   string // JSON, or the text itself; empty when there is none
}

// Response is the answer with one status; "default" stands for all others.
type Response struct {
	Status, Description string
	Content             []Content
}

// Sample is a way to call an operation. A Shell sample runs as it stands in a
// shell that has the variables which the description of the API names.
type Sample struct {
	Lang   string `yaml:"lang"`
	Label  string `yaml:"label"`
	Source string `yaml:"source"`
}

// Schema is a named type.
type Schema struct {
	Name, Description string
	Type              Type
	Fields            []Field
}

// Field is a member of an object.
type Field struct {
	Name, Description string
	Type              Type
	Required          bool
}

// Type is a type for a person: "array of", and the name of a Schema when it is one.
type Type struct {
	Text   string // "string (date-time)", or what stands before Schema
	Schema string
}

// ReadAPI reads the embedded description.
func ReadAPI() (*API, error) { return parseAPI([]byte(openAPI)) }

// parseAPI reads a description written in the part of OpenAPI that ours uses.
func parseAPI(text []byte) (*API, error) {
	var d document
	if err := yaml.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read the API description: %w", err)
	}
	api := &API{
		Title: d.Info.Title, Version: d.Info.Version, Summary: d.Info.Summary,
		Description: d.Info.Description, Tags: d.Tags,
	}
	for path, item := range pairs(&d.Paths) {
		for method, node := range pairs(item) {
			op, err := d.operation(path, method, node)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			api.Operations = append(api.Operations, op)
		}
	}
	for name, node := range pairs(&d.Components.Schemas) {
		s, err := namedSchema(name, node)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		api.Schemas = append(api.Schemas, s)
	}
	return api, nil
}

func (d *document) operation(path, method string, node *yaml.Node) (Operation, error) {
	var o operation
	if err := node.Decode(&o); err != nil {
		return Operation{}, err
	}
	op := Operation{
		ID: o.ID, Method: strings.ToUpper(method), Path: path, Summary: o.Summary,
		Description: o.Description, Public: o.Security != nil && len(*o.Security) == 0,
		Actor: o.Actor, Samples: o.Samples, Body: o.Body.contents(),
	}
	if len(o.Tags) > 0 {
		op.Tag = o.Tags[0]
	}
	for _, p := range o.Parameters {
		if p.Ref != "" {
			shared, ok := d.Components.Parameters[refName(p.Ref)]
			if !ok {
				return op, fmt.Errorf("there is no %s", p.Ref)
			}
			p = shared
		}
		op.Parameters = append(op.Parameters, Parameter{p.Name, p.In, p.Description, p.Schema.typeOf(), p.Required})
	}
	for status, node := range pairs(&o.Responses) {
		r, err := d.response(node)
		if err != nil {
			return op, err
		}
		op.Responses = append(op.Responses, Response{status, r.Description, r.contents()})
	}
	return op, nil
}

func (d *document) response(node *yaml.Node) (body, error) {
	var r body
	if err := node.Decode(&r); err != nil || r.Ref == "" {
		return r, err
	}
	shared, ok := d.Components.Responses[refName(r.Ref)]
	if !ok {
		return r, fmt.Errorf("there is no %s", r.Ref)
	}
	return shared, nil
}

func namedSchema(name string, node *yaml.Node) (Schema, error) {
	var s schema
	if err := node.Decode(&s); err != nil {
		return Schema{}, err
	}
	named := Schema{Name: name, Description: s.Description, Type: s.typeOf()}
	for field, node := range pairs(&s.Properties) {
		var f schema
		if err := node.Decode(&f); err != nil {
			return named, fmt.Errorf("%s: %w", field, err)
		}
		named.Fields = append(named.Fields, Field{field, f.Description, f.typeOf(), s.requires(field)})
	}
	return named, nil
}

func refName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }
