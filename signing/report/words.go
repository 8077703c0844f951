package report

import "github.com/lienthong/lienthong/hub"

// Words says in the language of a page what verdicts mean, for pages that show them in a
// frame of their own. Languages are their tags; an unknown one is Vietnamese.
type Words struct{ texts *catalogue }

// Words returns the words of the pages.
func (p *Pages) Words() Words { return Words{p.texts} }

// Indication returns the word for a result and a sentence about it.
func (w Words) Indication(language string, i hub.Indication) (word, meaning string) {
	l := ChooseLanguage(language)
	return w.texts.Indication[i][l], w.texts.Meaning[i][l]
}

// Reason says what a sub-indication means; empty for none.
func (w Words) Reason(language string, s hub.SubReason) string {
	return w.texts.Sub[s][ChooseLanguage(language)]
}

// Check names a check.
func (w Words) Check(language, name string) string {
	return w.texts.check(name, ChooseLanguage(language))
}

// Change says what a later revision of a signed file did; one that is not known stays in
// English.
func (w Words) Change(language, change string) string {
	return w.texts.change(change, ChooseLanguage(language))
}

// Finding says what was found out about a file; false where it stays in English.
func (w Words) Finding(language, finding string) (string, bool) {
	return w.texts.finding(finding, ChooseLanguage(language))
}
