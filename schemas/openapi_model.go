package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is the part of OpenAPI 3.1 that our description uses. Mappings whose
// order a reader should see stay nodes.
type document struct {
	Info struct {
		Title       string `yaml:"title"`
		Version     string `yaml:"version"`
		Summary     string `yaml:"summary"`
		Description string `yaml:"description"`
	} `yaml:"info"`
	Tags       []Tag     `yaml:"tags"`
	Paths      yaml.Node `yaml:"paths"`
	Components struct {
		Parameters map[string]parameter `yaml:"parameters"`
		Responses  map[string]body      `yaml:"responses"`
		Schemas    yaml.Node            `yaml:"schemas"`
	} `yaml:"components"`
}

type operation struct {
	ID          string            `yaml:"operationId"`
	Tags        []string          `yaml:"tags"`
	Summary     string            `yaml:"summary"`
	Description string            `yaml:"description"`
	Security    *[]map[string]any `yaml:"security"`
	Actor       string            `yaml:"x-actor"`
	Parameters  []parameter       `yaml:"parameters"`
	Body        body              `yaml:"requestBody"`
	Responses   yaml.Node         `yaml:"responses"`
	Samples     []Sample          `yaml:"x-codeSamples"`
}

type parameter struct {
	Ref         string `yaml:"$ref"`
	Name        string `yaml:"name"`
	In          string `yaml:"in"`
	Description string `yaml:"description"`
	Required    bool   `yaml:"required"`
	Schema      schema `yaml:"schema"`
}

// body is a request body or a response.
type body struct {
	Ref         string    `yaml:"$ref"`
	Description string    `yaml:"description"`
	Content     yaml.Node `yaml:"content"`
}

func (b *body) contents() []Content {
	var list []Content
	for mediaType, node := range pairs(&b.Content) {
		var c struct {
			Schema  schema    `yaml:"schema"`
			Example yaml.Node `yaml:"example"`
		}
		if node.Decode(&c) != nil {
			continue // the schema says nothing that a reader needs
		}
		content := Content{MediaType: mediaType, Type: c.Schema.typeOf()}
		if !c.Example.IsZero() {
			content.Example = exampleText(&c.Example)
		}
		list = append(list, content)
	}
	return list
}

// exampleText writes an example as JSON in the order in which it is written; a
// text is itself.
func exampleText(node *yaml.Node) string {
	if node.Kind == yaml.ScalarNode {
		return node.Value
	}
	var line, text bytes.Buffer
	writeJSON(&line, node)
	if json.Indent(&text, line.Bytes(), "", "  ") != nil {
		return line.String()
	}
	return text.String()
}

func writeJSON(b *bytes.Buffer, node *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(node.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, node.Content[i])
			b.WriteByte(':')
			writeJSON(b, node.Content[i+1])
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, element := range node.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, element)
		}
		b.WriteByte(']')
	default:
		var value any
		encoder := json.NewEncoder(b)
		encoder.SetEscapeHTML(false)
		if node.Decode(&value) != nil || encoder.Encode(value) != nil {
			b.WriteString("null")
		}
	}
}

// schema is the part of JSON Schema that our description uses.
type schema struct {
	Ref         string    `yaml:"$ref"`
	Type        yaml.Node `yaml:"type"`
	Description string    `yaml:"description"`
	Format      string    `yaml:"format"`
	MaxLength   int       `yaml:"maxLength"`
	Enum        []string  `yaml:"enum"`
	Const       string    `yaml:"const"`
	Default     string    `yaml:"default"`
	Minimum     *int      `yaml:"minimum"`
	Maximum     *int      `yaml:"maximum"`
	Items       *schema   `yaml:"items"`
	AnyOf       []schema  `yaml:"anyOf"`
	Properties  yaml.Node `yaml:"properties"`
	Required    []string  `yaml:"required"`
}

func (s *schema) requires(field string) bool { return slices.Contains(s.Required, field) }

// typeOf tells the type in words.
func (s *schema) typeOf() Type {
	switch {
	case s.Ref != "":
		return Type{Schema: refName(s.Ref)}
	case s.Items != nil:
		t := s.Items.typeOf()
		return Type{Text: strings.TrimSpace("list of " + t.Text), Schema: t.Schema}
	case len(s.AnyOf) > 0:
		names := make([]string, len(s.AnyOf))
		for i := range s.AnyOf {
			names[i] = s.AnyOf[i].typeOf().Schema
		}
		return Type{Text: strings.Join(names, " or ")}
	case s.Const != "":
		return Type{Text: s.Const}
	case len(s.Enum) > 0:
		return Type{Text: strings.Join(s.Enum, " | ")}
	}
	return Type{Text: s.Type.Value + s.bounds()}
}

func (s *schema) bounds() string {
	switch {
	case s.Format != "":
		return " (" + s.Format + ")"
	case s.MaxLength > 0:
		return fmt.Sprintf(" (at most %d characters)", s.MaxLength)
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf(" (%d to %d)", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		return fmt.Sprintf(" (from %d)", *s.Minimum)
	}
	return ""
}

// pairs walks through a mapping in the order in which it is written.
func pairs(node *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}
