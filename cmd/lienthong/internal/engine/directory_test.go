package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// nationSize is a number of agencies above what the whole country has.
const nationSize = 125_000

// nationList is a tree of them as a list: 63 provinces, each agency under one that comes
// before it.
func nationList() string {
	var b strings.Builder
	b.WriteString("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors\n")
	code := func(i int) string { return fmt.Sprintf("H%02d.%02d.%d", i%63, i/63%100, i) }
	for i := range nationSize {
		parent := ""
		if i >= 63 {
			parent = code(i/20 - i/20%63 + i%63)
		}
		fmt.Fprintf(&b, "a%06d,%s,UBND xã Bàn Thạch số %d (hư cấu),unit,ubnd,%s,,,true,,,,\n", i, code(i), i, parent)
	}
	return b.String()
}

// BenchmarkDirectory loads the agencies of the whole country into each store: "import" is
// a list into an empty hub, "load" what a node does when it starts, the others are
// look-ups as everybody makes them all day.
func BenchmarkDirectory(b *testing.B) {
	list := nationList()
	b.Run("sqlite", func(b *testing.B) {
		benchmarkDirectory(b, list, func(b *testing.B) engine.Options { return engine.Options{DataDir: b.TempDir()} })
	})
	b.Run("postgres", func(b *testing.B) {
		cluster := server.PostgreSQL(b)
		benchmarkDirectory(b, list, func(b *testing.B) engine.Options {
			return engine.Options{DataDir: b.TempDir(), Settings: engine.Settings{Database: cluster.Database(b), DatabaseConnections: 4}}
		})
	})
}

func benchmarkDirectory(b *testing.B, list string, options func(b *testing.B) engine.Options) {
	open := func(b *testing.B) *directory.Directory {
		o := options(b)
		o.Name, o.Log = "bench", slog.New(slog.DiscardHandler)
		state, err := engine.OpenState(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = state.Close() })
		n := 0
		d := directory.New(directory.Options{Store: state, Now: time.Now, NewID: func() string { n++; return fmt.Sprint("n", n) }})
		if err := d.Load(context.Background()); err != nil {
			b.Fatal(err)
		}
		return d
	}
	fill := func(b *testing.B, d *directory.Directory) {
		operator := hub.Actor{Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
		report, err := d.Import(context.Background(), operator, strings.NewReader(list), hub.ImportOptions{})
		if err != nil || report.Added != nationSize {
			b.Fatal(report.Added, err)
		}
	}
	b.Run("import", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			d := open(b)
			b.StartTimer()
			fill(b, d)
		}
	})
	d := open(b)
	fill(b, d)
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if err := d.Load(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
	at := time.Now()
	for _, ask := range []struct {
		name string
		ask  func() bool
	}{
		{"code", func() bool { _, err := d.Resolve("H00.00.6300", at); return err == nil }},
		{"children", func() bool { return len(d.Children("a000126", at)) > 0 }},
		{"top of the tree", func() bool { return len(d.Tops(at)) == 63 }},
		{"history", func() bool { _, ok := d.History("a000126"); return ok }},
		{"search a name", func() bool { return len(d.Search("ban thach 6298", at, hub.Page{Limit: 50}).Items) > 0 }},
		{"search everything", func() bool { return len(d.Search("u x b t h", at, hub.Page{Limit: 50}).Items) > 0 }},
	} {
		b.Run(ask.name, func(b *testing.B) {
			for b.Loop() {
				if !ask.ask() {
					b.Fatal("a wrong answer")
				}
			}
		})
	}
}
