package c14n_test

import (
	"crypto/sha1" // #nosec G505 -- of the vectors
	"encoding/base64"
	"os"
	"testing"

	"github.com/lienthong/lienthong/signing/c14n"
)

// The four digests of merlin-exc-c14n-one, whose references keep comments.
func TestMerlinExclusive(t *testing.T) {
	document, err := os.ReadFile("testdata/merlin-exc-c14n-one.xml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := c14n.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{"bar", ""}
	methods := []c14n.Method{
		{Exclusive: true}, {Exclusive: true, Prefixes: list},
		{Exclusive: true, Comments: true}, {Exclusive: true, Comments: true, Prefixes: list},
	}
	object := find(d, "Object")
	var references []*c14n.Element
	d.Root.Walk(func(e *c14n.Element) bool {
		if e.Local == "DigestValue" {
			references = append(references, e)
		}
		return true
	})
	if id, _ := object.Attribute("Id"); id != "to-be-signed" || len(references) != len(methods) {
		t.Fatalf("%q, %d references", id, len(references))
	}
	for i, method := range methods {
		sum := sha1.New()
		if err := d.Write(sum, object, nil, method); err != nil {
			t.Fatal(err)
		}
		want, _ := references[i].PlainText()
		if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != want {
			t.Errorf("%+v: %s, want %s", method, got, want)
		}
	}
}
