package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

func TestSearch(t *testing.T) {
	f := sampleDirectory(t)
	tests := []struct {
		text, at string
		want     []hub.AgencyID
	}{
		{"", "2025-07-01", []hub.AgencyID{"dnang", "noivudn", "banthach", "tamky2"}},
		{"noi vu", "2024-01-01", []hub.AgencyID{"noivudn", "noivu"}},
		{"NỘI  VỤ", "2024-01-01", []hub.AgencyID{"noivudn", "noivu"}},
		{"no\u0323\u0302i vu\u0323", "2024-01-01", []hub.AgencyID{"noivudn", "noivu"}}, // decomposed
		{"vụ nội", "2025-07-01", []hub.AgencyID{"noivudn"}},
		{"da nang", "2024-01-01", []hub.AgencyID{"dnang"}},
		{"đà n", "2024-01-01", []hub.AgencyID{"dnang"}},
		{"bàn", "2024-01-01", nil},
		{"bàn", "2025-07-01", []hub.AgencyID{"banthach"}},
		{"h47.31", "2024-01-01", []hub.AgencyID{"tamky", "tanthanh"}},
		{"000.00.31", "2024-01-01", []hub.AgencyID{"tamky"}},
		{"H47 phường", "2024-01-01", []hub.AgencyID{"tanthanh"}},
		{"(Tam-Kỳ),", "2025-07-01", []hub.AgencyID{"tamky2"}},
		{"ách", "2025-07-01", nil}, // words are found from their beginning
		{"thử nghiệm", "2025-07-01", nil},
		{"zzz", "2025-07-01", nil},
		{"...", "2025-07-01", []hub.AgencyID{"dnang", "noivudn", "banthach", "tamky2"}},
	}
	for _, tt := range tests {
		got := f.Search(tt.text, day(tt.at), hub.Page{Limit: 100})
		if !slices.Equal(ids(got.Items), tt.want) || got.Next != "" {
			t.Errorf("%q at %s: %v (next %q), want %v", tt.text, tt.at, ids(got.Items), got.Next, tt.want)
		}
	}
}

func TestSearchFindsFormerNames(t *testing.T) {
	f := newFixture(t, "2019-01-01")
	f.mustImport(t, header+"a,H01.01,Sở Thông tin,department,,,,,,,,,\n")
	f.clock.Set(day("2020-01-01"))
	f.mustImport(t, header+"a,H01.01,Sở Khoa học,department,,,,,,,,,\n")
	for _, text := range []string{"thong tin", "khoa hoc"} {
		got := f.Search(text, day("2021-01-01"), hub.Page{Limit: 9})
		if len(got.Items) != 1 || got.Items[0].NameAt(day("2021-01-01")) != "Sở Khoa học" {
			t.Errorf("%q finds %v", text, got.Items)
		}
	}
}

// The index must answer as a plain scan does, page by page.
func TestSearchAgreesWithAScan(t *testing.T) {
	vocabulary := []string{"Sở", "Nội", "vụ", "Xã", "Bàn", "Thạch", "TP.Tam", "Kỳ", "số", "1", "11", "Ban"}
	rapid.Check(t, func(t *rapid.T) {
		store := newMemory()
		n := rapid.IntRange(0, 90).Draw(t, "agencies")
		var agencies []hub.Agency
		for i := range n {
			words := rapid.SliceOfN(rapid.SampledFrom(vocabulary), 1, 4).Draw(t, "name")
			agencies = append(agencies, hub.Agency{
				ID:    hub.AgencyID(fmt.Sprint(i)),
				Codes: []hub.Dated[hub.Code]{{Value: hub.Code(fmt.Sprintf("H%02d.%02d", i%3, i))}},
				Names: []hub.Dated[string]{{Value: strings.Join(words, " ")}},
				Test:  rapid.IntRange(0, 9).Draw(t, "test") == 0,
			})
		}
		if _, err := store.SaveAgencies(context.Background(), store.version, agencies); err != nil {
			t.Fatal(err)
		}
		d := directory.New(directory.Options{Store: store, Now: time.Now, NewID: func() string { return "" }})
		if err := d.Load(context.Background()); err != nil {
			t.Fatal(err)
		}
		query := rapid.SliceOfN(rapid.SampledFrom([]string{"so", "ban", "b", "ky", "tam", "1", "h01", "H02.1", "x"}), 0, 3).Draw(t, "query")
		page := hub.Page{Limit: rapid.IntRange(1, 20).Draw(t, "limit")}
		var got []hub.AgencyID
		for {
			list := d.Search(strings.Join(query, " "), time.Unix(0, 0), page)
			got = append(got, ids(list.Items)...)
			if list.Next == "" {
				break
			}
			if len(list.Items) != page.Limit {
				t.Fatalf("a page of %d with another behind it, limit %d", len(list.Items), page.Limit)
			}
			page.After = list.Next
		}
		if want := scan(agencies, query); !slices.Equal(got, want) {
			t.Fatalf("%v: %v, want %v", query, got, want)
		}
	})
}

func scan(agencies []hub.Agency, query []string) []hub.AgencyID {
	slices.SortFunc(agencies, func(a, b hub.Agency) int { return strings.Compare(string(a.Codes[0].Value), string(b.Codes[0].Value)) })
	var want []hub.AgencyID
	for _, a := range agencies {
		text := " " + strings.NewReplacer(".", " ").Replace(hub.Fold(a.Names[0].Value+" "+string(a.Codes[0].Value))) + " " + hub.Fold(string(a.Codes[0].Value))
		found := !a.Test
		for _, w := range query {
			found = found && strings.Contains(text, " "+hub.Fold(w))
		}
		if found {
			want = append(want, a.ID)
		}
	}
	return want
}
