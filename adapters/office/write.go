package office

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// The fixed parts of a document that is written here.
const (
	xmlHead       = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	typesBody     = xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`
	relationsBody = xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`
	documentOpen  = xmlHead + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`
	// A4 upright, margins of NĐ 30/2020/NĐ-CP in twentieths of a point.
	documentClose = `<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="851" w:bottom="1134" w:left="1701" w:header="708" w:footer="708" w:gutter="0"/></w:sectPr></w:body></w:document>`
	textWidth     = 9354 // between the margins
)

// writeDocument writes a report as a document of a word processor.
func writeDocument(to io.Writer, r *hub.ReportText) error {
	var b body
	b.WriteString(documentOpen)
	b.columns(r.Left, r.Right)
	b.paragraph(r.Title, "center", true)
	for i := range r.Blocks {
		b.block(&r.Blocks[i])
	}
	b.columns(nil, r.Signed)
	b.WriteString(documentClose)
	w := zip.NewWriter(to)
	for _, part := range []struct {
		name string
		body []byte
	}{{typesPart, []byte(typesBody)}, {"_rels/.rels", []byte(relationsBody)}, {mainPart, b.Bytes()}} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: part.name, Method: zip.Deflate})
		if err == nil {
			_, err = f.Write(part.body)
		}
		if err != nil {
			return hub.Internal("write a document", err)
		}
	}
	if err := w.Close(); err != nil {
		return hub.Internal("write a document", err)
	}
	return nil
}

// body is the text of a document as it grows.
type body struct{ bytes.Buffer }

func (b *body) block(block *hub.ReportTextBlock) {
	if block.Heading != "" {
		b.paragraph(block.Heading, "both", true)
	}
	if block.Text != "" {
		b.paragraph(block.Text, "both", false)
	}
	if len(block.Rows) == 0 {
		return
	}
	b.table(true, textWidth*3/4, textWidth/4)
	for _, row := range block.Rows {
		b.WriteString("<w:tr>")
		b.cell([]string{row.Label}, textWidth*3/4, "left", false)
		b.cell([]string{row.Value}, textWidth/4, "right", false)
		b.WriteString("</w:tr>")
	}
	b.WriteString("</w:tbl>")
}

// columns writes two halves beside each other, without lines.
func (b *body) columns(left, right []string) {
	b.table(false, textWidth/2, textWidth/2)
	b.WriteString("<w:tr>")
	b.cell(left, textWidth/2, "center", true)
	b.cell(right, textWidth/2, "center", true)
	b.WriteString("</w:tr></w:tbl>")
	b.paragraph("", "both", false)
}

func (b *body) table(lines bool, widths ...int) {
	b.WriteString("<w:tbl><w:tblPr>")
	if lines {
		b.WriteString("<w:tblBorders>")
		for _, side := range []string{"top", "left", "bottom", "right", "insideH", "insideV"} {
			b.WriteString(`<w:` + side + ` w:val="single" w:sz="4" w:space="0" w:color="auto"/>`)
		}
		b.WriteString("</w:tblBorders>")
	}
	b.WriteString("</w:tblPr><w:tblGrid>")
	for _, width := range widths {
		b.WriteString(`<w:gridCol w:w="` + strconv.Itoa(width) + `"/>`)
	}
	b.WriteString("</w:tblGrid>")
}

func (b *body) cell(lines []string, width int, align string, bold bool) {
	b.WriteString(`<w:tc><w:tcPr><w:tcW w:w="` + strconv.Itoa(width) + `" w:type="dxa"/></w:tcPr>`)
	if len(lines) == 0 {
		lines = []string{""} // a cell has a paragraph
	}
	for _, text := range lines {
		b.paragraph(text, align, bold)
	}
	b.WriteString("</w:tc>")
}

// paragraph writes a text; lines of it stay lines.
func (b *body) paragraph(text, align string, bold bool) {
	b.WriteString(`<w:p><w:pPr><w:spacing w:after="120"/><w:jc w:val="` + align + `"/></w:pPr>`)
	for i, line := range strings.Split(text, "\n") {
		b.WriteString(`<w:r><w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:cs="Times New Roman"/>`)
		if bold {
			b.WriteString("<w:b/>")
		}
		b.WriteString(`<w:sz w:val="26"/></w:rPr>`)
		if i > 0 {
			b.WriteString("<w:br/>")
		}
		b.WriteString(`<w:t xml:space="preserve">`)
		_ = xml.EscapeText(b, []byte(line)) // a buffer takes all
		b.WriteString("</w:t></w:r>")
	}
	b.WriteString("</w:p>")
}
