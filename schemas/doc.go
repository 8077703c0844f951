// Package schemas holds the wire formats as data: XML schemas of edXML packages,
// the description of the REST API, and the code lists that law and practice
// fixed. Nothing here knows the rest of the program.
//
// The XML schemas are of our own writing, from what programs really exchange
// (QCVN 102:2016/BTTTT): elements stand in any order, so a schema of version 1.0
// can say which elements there are and what they hold, but not how often each
// occurs. The codec in adapters/edxml checks the rest, and more strictly.
package schemas

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed edxml-document.xsd edxml-status.xsd evidence.xsd evidence-extensions.xsd codes.json
var files embed.FS

// EdXMLDocument returns the XML schema of document packages.
func EdXMLDocument() []byte { return mustRead("edxml-document.xsd") }

// Evidence returns the schema of the XML form of evidence, and that of its extensions,
// which it imports as evidence-extensions.xsd.
func Evidence() (evidence, extensions []byte) {
	return mustRead("evidence.xsd"), mustRead("evidence-extensions.xsd")
}

// EdXMLStatus returns the XML schema of status packages.
func EdXMLStatus() []byte { return mustRead("edxml-status.xsd") }

// mustRead reads a file that is compiled in: it cannot be absent.
func mustRead(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return b
}

// CodeLists are the lists of values that packages use.
type CodeLists struct {
	Operations    []Code         `json:"operations"`
	Priorities    []Code         `json:"priorities"`
	Statuses      []Code         `json:"statuses"`
	DocumentTypes []DocumentType `json:"document_types"`
}

// Code is one value with its names.
type Code struct {
	Code       string `json:"code"`
	Vietnamese string `json:"vi"`
	English    string `json:"en"`
}

// DocumentType is a kind of document with the abbreviation that its notation
// begins with (NĐ 30/2020/NĐ-CP, annex III). Group A are normative documents,
// group B administrative ones; the code counts within the group.
type DocumentType struct {
	Group        string `json:"group"`
	Code         int    `json:"code"`
	Name         string `json:"name"`
	Abbreviation string `json:"abbreviation,omitempty"`
}

// Codes returns the code lists. Their source is QCVN 102:2016/BTTTT with its
// amendment 1:2022, NĐ 30/2020/NĐ-CP and QĐ 28/2018/QĐ-TTg art. 10; numbers 27 to
// 32 of group B are from memory of the profession and may differ in the law.
func Codes() (CodeLists, error) {
	var lists CodeLists
	if err := json.Unmarshal(mustRead("codes.json"), &lists); err != nil {
		return lists, fmt.Errorf("code lists: %w", err)
	}
	return lists, nil
}
