package app_test

import (
	"regexp"
	"strings"
	"testing"
)

// Technical details are folded away under their name; codes and files are nobody's language.
var (
	technical = regexp.MustCompile(`(?s)<details class="technical">.*?</details>`)
	codes     = regexp.MustCompile(`(?s)<(?:code|pre|textarea|option|span class="(?:code|digest)")\b[^>]*>.*?</(?:code|pre|textarea|option|span)>`)
	spoken    = regexp.MustCompile(`(?:title|aria-label|placeholder|alt)="([^"]*)"`)
	tags      = regexp.MustCompile(`(?s)<[^>]*>`)
)

// inEnglish are words that no sentence in English goes without for long, and that no word
// in Vietnamese is written like; as words of a sentence, not in an id.
var inEnglish = regexp.MustCompile(`(?:^|[\s("“])(?i:the|of|is|are|was|were|be|been|and|not|must|cannot|failed|has|have|does|did|with|without|until|this|that|these|from|because|which|who|its|error|invalid|unavailable|unknown|missing)(?:$|[\s.,;:!?)"”])`)

// unwritten are names of texts that do not exist: they stay visible.
var unwritten = regexp.MustCompile(`\b(?:said|why|setting|rule|kind|fault|check|hop|hint|found|way|reason|event|state|channel|alert|step)\.[a-z_%][^\s<]*`)

// isVietnamese looks for English on a page in Vietnamese.
func (p page) isVietnamese(t *testing.T) {
	t.Helper()
	_, main, _ := strings.Cut(technical.ReplaceAllString(p.text, ""), "<main")
	if at := strings.Index(main, `lang="en"`); at >= 0 {
		t.Errorf("%s: English on a page in Vietnamese: %.300s", p.path, main[at:])
	}
	text := codes.ReplaceAllString(main, " ")
	for _, attribute := range spoken.FindAllStringSubmatch(text, -1) {
		text += " | " + attribute[1]
	}
	text = strings.Join(strings.Fields(tags.ReplaceAllString(text, " ")), " ")
	for _, name := range unwritten.FindAllString(text, -1) {
		t.Errorf("%s: there is no text for %s", p.path, name)
	}
	for _, at := range inEnglish.FindAllStringIndex(text, -1) {
		t.Errorf("%s: English on a page in Vietnamese: …%s…", p.path, text[max(0, at[0]-80):min(len(text), at[1]+80)])
	}
}
