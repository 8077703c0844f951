package c14n_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/signing/c14n"
)

func canonical(t testing.TB, document, path string, method c14n.Method) string {
	t.Helper()
	d, err := c14n.Parse([]byte(document))
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	var b bytes.Buffer
	if err := d.Write(&b, find(d, path), nil, method); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return b.String()
}

// find returns the first element of a local name; no name is the whole document.
func find(d *c14n.Document, local string) *c14n.Element {
	var found *c14n.Element
	d.Root.Walk(func(e *c14n.Element) bool {
		if e.Local == local {
			found = e
		}
		return found == nil
	})
	return found
}

var (
	inclusive = c14n.Method{}
	comments  = c14n.Method{Comments: true}
	exclusive = c14n.Method{Exclusive: true}
	v11       = c14n.Method{V11: true}
)

// The examples of the recommendations of W3C, Canonical XML 1.0 sections 3.1 to 3.6
// and Exclusive XML Canonicalization section 2.2. Where an example has a document
// type, which is refused here, the document is given as the declaration leaves it.
func TestExamplesOfTheRecommendations(t *testing.T) {
	const outside = "<?xml version=\"1.0\"?>\n\n<?xml-stylesheet   href=\"doc.xsl\"\n   type=\"text/xsl\"   ?>\n\n<doc>Hello, world!<!-- Comment 1 --></doc>\n\n<?pi-without-data     ?>\n\n<!-- Comment 2 -->\n\n<!-- Comment 3 -->"
	const space = "<doc>\n   <clean>   </clean>\n   <dirty>   A   B   </dirty>\n   <mixed>\n      A\n      <clean>   </clean>\n      B\n      <dirty>   A   B   </dirty>\n      C\n   </mixed>\n</doc>"
	const tags = `<doc>
   <e1   />
   <e2   ></e2>
   <e3   name = "elem3"   id="elem3"   />
   <e4   name="elem4"   id="elem4"   ></e4>
   <e5 a:attr="out" b:attr="sorted" attr2="all" attr="I'm"
      xmlns:b="http://www.ietf.org"
      xmlns:a="http://www.w3.org"
      xmlns="http://example.org"/>
   <e6 xmlns="" xmlns:a="http://www.w3.org">
      <e7 xmlns="http://www.ietf.org">
         <e8 xmlns="" xmlns:a="http://www.w3.org">
            <e9 xmlns="" xmlns:a="http://www.ietf.org" attr="default"/>
         </e8>
      </e7>
   </e6>
</doc>`
	const tagsCanonical = `<doc>
   <e1></e1>
   <e2></e2>
   <e3 id="elem3" name="elem3"></e3>
   <e4 id="elem4" name="elem4"></e4>
   <e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" attr="I'm" attr2="all" b:attr="sorted" a:attr="out"></e5>
   <e6 xmlns:a="http://www.w3.org">
      <e7 xmlns="http://www.ietf.org">
         <e8 xmlns="">
            <e9 xmlns:a="http://www.ietf.org" attr="default"></e9>
         </e8>
      </e7>
   </e6>
</doc>`
	const characters = "<doc>\r\n   <text>First line&#x0d;&#10;Second line</text>\r\n   <value>&#x32;</value>\r\n   <compute><![CDATA[value>\"0\" && value<\"10\" ?\"valid\":\"error\"]]></compute>\r\n   <compute expr='value>\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"'>valid</compute>\r\n   <norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/>\r\n   <normId id=\"'\"/></doc>"
	const charactersCanonical = "<doc>\n   <text>First line&#xD;\nSecond line</text>\n   <value>2</value>\n   <compute>value&gt;\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"</compute>\n   <compute expr=\"value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; ?&quot;valid&quot;:&quot;error&quot;\">valid</compute>\n   <norm attr=\" '    &#xD;&#xA;&#x9;   ' \"></norm>\n   <normId id=\"'\"></normId></doc>"
	const n1 = "<n0:local xmlns:n0=\"foo:bar\"\n         xmlns:n3=\"ftp://example.org\">\n   <n1:elem2 xmlns:n1=\"http://example.net\"\n             xml:lang=\"en\">\n      <n3:stuff xmlns:n3=\"ftp://example.org\"/>\n   </n1:elem2>\n</n0:local>"
	const n2 = "<n2:pdu xmlns:n1=\"http://example.com\"\n           xmlns:n2=\"http://foo.example\"\n           xmlns:n4=\"http://foo.example\"\n           xml:lang=\"fr\"\n           xml:space=\"retain\">\n   <n1:elem2 xmlns:n1=\"http://example.net\"\n             xml:lang=\"en\">\n      <n3:stuff xmlns:n3=\"ftp://example.org\"/>\n   </n1:elem2>\n</n2:pdu>"
	const stuff = "\n      <n3:stuff%s></n3:stuff>\n   </n1:elem2>"
	exclusiveForm := `<n1:elem2 xmlns:n1="http://example.net" xml:lang="en">` + fmt.Sprintf(stuff, ` xmlns:n3="ftp://example.org"`)
	for name, c := range map[string]struct {
		document, path string
		method         c14n.Method
		want           string
	}{
		"3.1 without comments": {outside, "", inclusive, "<?xml-stylesheet href=\"doc.xsl\"\n   type=\"text/xsl\"   ?>\n<doc>Hello, world!</doc>\n<?pi-without-data?>"},
		"3.1 with comments":    {outside, "", comments, "<?xml-stylesheet href=\"doc.xsl\"\n   type=\"text/xsl\"   ?>\n<doc>Hello, world!<!-- Comment 1 --></doc>\n<?pi-without-data?>\n<!-- Comment 2 -->\n<!-- Comment 3 -->"},
		"3.2":                  {space, "", inclusive, space},
		"3.3":                  {tags, "", inclusive, tagsCanonical},
		"3.4":                  {characters, "", inclusive, charactersCanonical},
		"3.6":                  {`<?xml version="1.0" encoding="utf-8"?><doc>&#169;</doc>`, "", inclusive, "<doc>\u00a9</doc>"},
		"2.2, first, inclusive": {n1, "elem2", inclusive, `<n1:elem2 xmlns:n0="foo:bar" xmlns:n1="http://example.net" xmlns:n3="ftp://example.org" xml:lang="en">` +
			fmt.Sprintf(stuff, "")},
		"2.2, second, inclusive": {n2, "elem2", inclusive, `<n1:elem2 xmlns:n1="http://example.net" xmlns:n2="http://foo.example" xmlns:n4="http://foo.example" xml:lang="en" xml:space="retain">` +
			fmt.Sprintf(stuff, ` xmlns:n3="ftp://example.org"`)},
		"2.2, first, exclusive":  {n1, "elem2", exclusive, exclusiveForm},
		"2.2, second, exclusive": {n2, "elem2", exclusive, exclusiveForm},
	} {
		if got := canonical(t, c.document, c.path, c.method); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestCanonicalForms(t *testing.T) {
	for name, c := range map[string]struct {
		document, path string
		method         c14n.Method
		want           string
	}{
		"line end in an attribute":    {"<a b='1\n2\r\n3\t4&#10;5'/>", "", inclusive, `<a b="1 2 3 4&#xA;5"></a>`},
		"default undeclared":          {`<a xmlns="u:a"><b xmlns=""><c/></b></a>`, "", exclusive, `<a xmlns="u:a"><b xmlns=""><c></c></b></a>`},
		"default undeclared, apex":    {`<a xmlns="u:a"><b xmlns=""><c/></b></a>`, "b", inclusive, `<b><c></c></b>`},
		"prefix rebound and back":     {`<p:a xmlns:p="u:1"><p:b xmlns:p="u:2"><p:c xmlns:p="u:1"/></p:b></p:a>`, "", exclusive, `<p:a xmlns:p="u:1"><p:b xmlns:p="u:2"><p:c xmlns:p="u:1"></p:c></p:b></p:a>`},
		"siblings declare each":       {`<a xmlns:p="u:p"><p:b/><p:c/></a>`, "", exclusive, `<a><p:b xmlns:p="u:p"></p:b><p:c xmlns:p="u:p"></p:c></a>`},
		"prefix list":                 {`<a xmlns:p="u:p" xmlns:q="u:q"><b><c/></b></a>`, "b", c14n.Method{Exclusive: true, Prefixes: []string{"q", "z"}}, `<b xmlns:q="u:q"><c></c></b>`},
		"prefix list with default":    {`<a xmlns="u:d" xmlns:p="u:p"><p:b/></a>`, "b", c14n.Method{Exclusive: true, Prefixes: []string{""}}, `<p:b xmlns="u:d" xmlns:p="u:p"></p:b>`},
		"1.1 leaves xml:id":           {`<a xml:id="x" xml:lang="vi"><b/></a>`, "b", v11, `<b xml:lang="vi"></b>`},
		"1.0 takes xml:id":            {`<a xml:id="x" xml:lang="vi"><b/></a>`, "b", inclusive, `<b xml:id="x" xml:lang="vi"></b>`},
		"exclusive takes none":        {`<a xml:lang="vi"><b/></a>`, "b", exclusive, `<b></b>`},
		"nearest xml:lang":            {`<a xml:lang="vi"><m xml:lang="en"><b/></m></a>`, "b", inclusive, `<b xml:lang="en"></b>`},
		"characters beyond the BMP":   {"<a b=\"\U0001F600\">&#x1F600;</a>", "", inclusive, "<a b=\"\U0001F600\">\U0001F600</a>"},
		"byte order mark":             {"\uFEFF<a/>", "", inclusive, "<a></a>"},
		"xml prefix declared":         {`<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:lang="vi"/>`, "", exclusive, `<a xml:lang="vi"></a>`},
		"long value with a character": {"<a>" + strings.Repeat("A", 5000) + "&lt;</a>", "", inclusive, "<a>" + strings.Repeat("A", 5000) + "&lt;</a>"},
		"long value":                  {"<a>" + strings.Repeat("A", 5000) + "</a>", "", inclusive, "<a>" + strings.Repeat("A", 5000) + "</a>"},
	} {
		if got := canonical(t, c.document, c.path, c.method); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestOmittedElement(t *testing.T) {
	d, err := c14n.Parse([]byte(`<a>1<s><t/></s>2<b/></a>`))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.Write(&b, nil, find(d, "s"), inclusive); err != nil || b.String() != `<a>12<b></b></a>` {
		t.Errorf("%s, %v", b.String(), err)
	}
}

func TestDocumentsWithoutCanonicalForm(t *testing.T) {
	for document, method := range map[string]c14n.Method{
		`<p:a/>`:                              exclusive,
		`<a p:b="1"/>`:                        exclusive,
		`<a xmlns="relative"/>`:               inclusive,
		`<a xmlns:p="../x"><b/></a>`:          inclusive,
		`<a xml:base="http://a/"><apex/></a>`: v11,
	} {
		d, err := c14n.Parse([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(&bytes.Buffer{}, find(d, "apex"), nil, method); !errors.Is(err, c14n.ErrIrregular) {
			t.Errorf("%s: %v", document, err)
		}
	}
}

func TestDocumentsThatAreNotRead(t *testing.T) {
	for document, hostile := range map[string]bool{
		"": false, "text": false, "<a>": false, "<a></b>": false, "</a>": false, "<a/><b/>": false, "<a/>text": false, "<a/><![CDATA[]]>": false,
		"<a b=1/>": false, "<a b/>": false, "<a b='<'/>": false, "<a b='1'c='2'/>": false, "<a b='1": false, "<a": false, "<": false,
		"<a b='1' b='2'/>": true,
		`<a xmlns:p="u:1" xmlns:q="u:1" p:b="" q:b=""/>`:                   true,
		`<a xmlns:p="u:1" xmlns:p="u:2"/>`:                                 true,
		`<!DOCTYPE a><a/>`:                                                 true,
		`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`: true,
		"<a>&x;</a>": false, "<a>&;</a>": false, "<a>&amp</a>": false, "<a>&#0;</a>": false, "<a>&#xD800;</a>": false, "<a>&#+1;</a>": false, "<a>&#x;</a>": false, "<a>&#xFFFE;</a>": false, "<a>&#99999999999;</a>": false,
		"<a>]]></a>": false, "<a><!-- -- --></a>": false, "<a><!--</a>": false, "<a><![CDATA[</a>": false, "<a><?xml version='1.0'?></a>": false, " <?xml version='1.0'?><a/>": false, "<a><?</a>": false, "<a><??></a>": false, "<?>": false,
		"<a>\x00</a>": false, "<a>\x01</a>": false, "<a>\xff</a>": false, "<a>\uFFFF</a>": false,
		`<?xml version="1.1"?><a/>`: false, `<?xml version="1.0" encoding="UTF-16"?><a/>`: false, `<?xml encoding="UTF-8"?><a/>`: false, `<?xml version="1.0" x="y"?><a/>`: false, `<?xml version="1.0"`: false,
		"<x::a/>": false, "<:a/>": false, "<x:/>": false, "<a :b='1'/>": false, "<a ::b='1'/>": false, "<a :='1'/>": false, "<1a/>": false, "<a-/ >": false, "<a:b:c/>": false,
		"<x:a xmlns:x='u:x'></a>": false, "<a></:a>": false, "<a></x:a>": false,
		`<a xmlns:p=""/>`: false, `<a xmlns:xmlns="u:x"/>`: true, `<a xmlns:xml="u:x"/>`: true, `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`: true, `<a xmlns="http://www.w3.org/2000/xmlns/"/>`: true,
		strings.Repeat("<a>", c14n.MaxDepth+1):         false,
		"<a " + strings.Repeat("x", 300) + "='1'/>":    false,
		"<a>" + strings.Repeat("<a/>", 1<<20) + "</a>": false, // a tree far larger than its text
		"<a" + attributes(65) + "/>":                   false,
	} {
		_, err := c14n.Parse([]byte(document))
		var syntax *c14n.SyntaxError
		if !errors.As(err, &syntax) || syntax.Hostile != hostile {
			t.Errorf("%.80q: %v", document, err)
		}
	}
}

// Whatever is read, and whatever is refused on the way, takes memory in proportion to
// the document. What is measured counts also what growing lists leave behind.
func TestMemoryIsBounded(t *testing.T) {
	const size = 4 << 20
	for name, document := range map[string]string{
		"elements":      "<a>" + strings.Repeat("<a/>", size/4) + "</a>",
		"comments":      "<a>" + strings.Repeat("<!---->", size/7) + "</a>",
		"instructions":  "<a>" + strings.Repeat("<?a?>", size/5) + "</a>",
		"attributes":    "<a>" + strings.Repeat("<a b='' c='' d='' e='' f=''/>", size/28) + "</a>",
		"declarations":  "<a>" + strings.Repeat("<a xmlns:b='u:b' xmlns:c='u:c'/>", size/32) + "</a>",
		"references":    "<a>" + strings.Repeat("&#9;", size/4) + "</a>",
		"pieces":        "<a>" + strings.Repeat("x<![CDATA[]]>", size/13) + "</a>",
		"one long text": "<a>" + strings.Repeat("x", size) + "</a>",
		"usual":         "<a>" + strings.Repeat("<Description>văn bản quy phạm pháp luật</Description>\n  ", size/60) + "</a>",
	} {
		data := []byte(document)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := c14n.Parse(data)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 20*uint64(len(data))+8<<20 {
			t.Errorf("%s: %d bytes for %d", name, taken, len(data))
		}
		if name == "usual" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d='1'", i)
	}
	return b.String()
}

// xmllint canonicalizes with another implementation. It takes whole documents.
func xmllint(t testing.TB, option, document string) string {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("xmllint is not installed")
		}
		t.Skip("xmllint is not installed")
	}
	file := filepath.Join(t.TempDir(), "in.xml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), path, option, file)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, stderr.String(), document)
	}
	return string(out)
}

// Many random documents lie in one, below a root: one start of xmllint for all.
func TestAgreesWithXMLLint(t *testing.T) {
	var b strings.Builder
	b.WriteString("<root xmlns:p='u:root'>")
	generator := rapid.Custom(func(t *rapid.T) string { return randomElement(t, 4) })
	for i := range 300 {
		b.WriteString(generator.Example(i))
	}
	b.WriteString("</root><!-- end -->")
	document := "<?xml version='1.0'?>\n<?pi  x?><!-- begin -->" + b.String()
	for option, method := range map[string]c14n.Method{
		"--c14n":     {Comments: true},
		"--c14n11":   {Comments: true, V11: true},
		"--exc-c14n": {Comments: true, Exclusive: true},
	} {
		got, want := canonical(t, document, "", method), xmllint(t, option, document)
		if got != want {
			at := 0
			for at < min(len(got), len(want)) && got[at] == want[at] {
				at++
			}
			t.Errorf("%s: at %d\n%.200q\nwant\n%.200q", option, at, got[max(0, at-80):], want[max(0, at-80):])
		}
	}
}

// randomElement draws an element with everything that makes canonical forms differ.
func randomElement(t *rapid.T, depth int) string {
	prefix := rapid.SampledFrom([]string{"", "p:", "q:"}).Draw(t, "prefix")
	var b strings.Builder
	b.WriteString("<" + prefix + "e")
	b.WriteString(rapid.SampledFrom([]string{"", " xmlns='u:1'", " xmlns=''", "\n xmlns='u:2'"}).Draw(t, "default"))
	b.WriteString(rapid.SampledFrom([]string{" xmlns:p='u:1'", " xmlns:p=\"u:3\""}).Draw(t, "p"))
	b.WriteString(rapid.SampledFrom([]string{" xmlns:q='u:2'", " xmlns:q='u:4' xmlns:unused='u:5'"}).Draw(t, "q"))
	for _, name := range []string{"z", "q:a", "p:b", "a", "xml:lang"} {
		if rapid.Bool().Draw(t, name) {
			fmt.Fprintf(&b, "  %s = '%s'", name, rapid.SampledFrom([]string{"", "1\n2", "\t&#9;&#10;&#13;", "\"&lt;>&amp;&apos;", "ệ&#x1EC7;", "\r\n\r"}).Draw(t, "value"))
		}
	}
	b.WriteString(">")
	for range rapid.IntRange(0, 3).Draw(t, "children") {
		if depth > 0 && rapid.Bool().Draw(t, "element") {
			b.WriteString(randomElement(t, depth-1))
			continue
		}
		b.WriteString(rapid.SampledFrom([]string{"x", " \r\n ", "&gt;&#13;", "<![CDATA[<&>]]>", "<!-- c\r\n -->", "<?t  d ?>", "<?t?>", "văn bản\r"}).Draw(t, "text"))
	}
	b.WriteString("</" + prefix + "e >")
	return b.String()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><p:a xmlns:p="u:p" b='&#10;'><!-- c --><![CDATA[x]]>&amp;</p:a>`))
	f.Add([]byte("<a xmlns='u:1'><b xmlns=''/>\r\n</a>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := c14n.Parse(data)
		if err != nil {
			return
		}
		for _, method := range []c14n.Method{comments, {Exclusive: true, Comments: true}} {
			var first, second bytes.Buffer
			if d.Write(&first, nil, nil, method) != nil {
				return
			}
			again, err := c14n.Parse(first.Bytes())
			if err != nil {
				t.Fatalf("the canonical form is not read: %v\n%q", err, first.Bytes())
			}
			if err := again.Write(&second, nil, nil, method); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Fatalf("not stable: %q, %q, %v", first.Bytes(), second.Bytes(), err)
			}
		}
	})
}
