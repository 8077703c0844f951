package directory_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
)

// memory keeps agencies and keys as a real store does: what goes in is copied.
type memory struct {
	mu       sync.Mutex
	agencies map[hub.AgencyID]string // JSON
	keys     map[string]hub.APIKey
	version  int64
	loads    int
	fail     error  // answers every call
	onSave   func() // runs before the next save
	onKey    func() // runs during KeyByID, after the key was read
	keyReads int
	keyUses  int
}

func newMemory() *memory {
	return &memory{agencies: map[hub.AgencyID]string{}, keys: map[string]hub.APIKey{}}
}

func (m *memory) LoadAgencies(context.Context) ([]hub.Agency, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	var list []hub.Agency
	for _, text := range m.agencies {
		var a hub.Agency
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return nil, 0, err
		}
		list = append(list, a)
	}
	return list, m.version, m.fail
}

func (m *memory) SaveAgencies(_ context.Context, version int64, agencies []hub.Agency) (int64, error) {
	if first := m.onSave; first != nil {
		m.onSave = nil
		first()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if version != m.version {
		return 0, hub.Errorf(hub.KindConflict, "agencies", "version", "the agencies have changed in the meantime")
	}
	if m.fail != nil {
		return 0, m.fail
	}
	for _, a := range agencies {
		text, err := json.Marshal(a)
		if err != nil {
			return 0, err
		}
		m.agencies[a.ID] = string(text)
	}
	m.version++
	return m.version, nil
}

func (m *memory) AgenciesVersion(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, m.fail
}

func (m *memory) ResealKey(_ context.Context, id string, was, now []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := m.keys[id]
	if !bytes.Equal(key.Sealed, was) {
		return hub.Errorf(hub.KindConflict, "key", "version", "the secret of the key has changed")
	}
	key.Sealed = now
	m.keys[id] = key
	return m.fail
}

func (m *memory) UseKeys(_ context.Context, uses []hub.KeyUse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.keyUses++
	for _, u := range uses {
		if key, ok := m.keys[u.Key]; ok && u.At.After(key.Used) {
			key.Used = u.At
			m.keys[u.Key] = key
		}
	}
	return nil
}

func (m *memory) AddKey(_ context.Context, key hub.APIKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.keys[key.ID]; taken {
		return hub.Errorf(hub.KindConflict, "key", "present", "there is a key of this id")
	}
	if m.fail == nil {
		m.keys[key.ID] = key
	}
	return m.fail
}

func (m *memory) EndKey(_ context.Context, id string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, ok := m.keys[id]
	if !ok {
		return hub.Errorf(hub.KindNotFound, "", "", "no such key")
	}
	if m.fail == nil && (key.Revoked.IsZero() || key.Revoked.After(at)) {
		key.Revoked = at
		m.keys[id] = key
	}
	return m.fail
}

func (m *memory) KeyByID(_ context.Context, id string) (hub.APIKey, error) {
	m.mu.Lock()
	m.keyReads++
	key, ok := m.keys[id]
	onKey, fail := m.onKey, m.fail
	m.onKey = nil
	m.mu.Unlock()
	if onKey != nil {
		onKey()
	}
	if fail != nil {
		return hub.APIKey{}, fail
	}
	if !ok {
		return hub.APIKey{}, hub.Errorf(hub.KindNotFound, "", "", "no such key")
	}
	return key, nil
}

func (m *memory) Keys(context.Context) ([]hub.APIKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []hub.APIKey
	for _, k := range m.keys {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b hub.APIKey) int { return cmp.Compare(a.ID, b.ID) })
	return list, m.fail
}

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// day returns the first instant of a date in Vietnam.
func day(date string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, date, hub.Vietnam())
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func operator() hub.Actor {
	return hub.Actor{Name: "root", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}, Auth: hub.AuthLocal}
}

// fixture is a directory over a memory store with a clock.
type fixture struct {
	*directory.Directory
	store *memory
	clock *clock
}

func newFixture(t testing.TB, now string) *fixture {
	t.Helper()
	f := &fixture{store: newMemory(), clock: &clock{t: day(now)}}
	var mu sync.Mutex
	n := 0
	newID := func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("id-%d", n)
	}
	f.Directory = directory.New(directory.Options{Store: f.store, Now: f.clock.Now, NewID: newID})
	if err := f.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	return f
}

const header = "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors\n"

// sample is the tree of the seed case; codes below level 1 are fictional (hư cấu).
const sample = header +
	`qnam,H47,UBND tỉnh Quảng Nam (hư cấu),province,ubnd,,,2025-07-01,true,ubnd@qnam.example,0235 000 000,000.00.00.H47,H17` + "\n" +
	`dnang,H17,UBND thành phố Đà Nẵng (hư cấu),province,ubnd,,,,true,,,000.00.00.H17,` + "\n" +
	`noivu,H47.12,Sở Nội vụ (hư cấu),department,so,H47,,2025-07-01,true,,,000.00.12.H47,H17.12` + "\n" +
	`noivudn,H17.12,Sở Nội vụ thành phố (hư cấu),department,so,H17,,,true,,,,` + "\n" +
	`tamky,H47.31,UBND thành phố Tam Kỳ (hư cấu),district,ubnd,H47,,2025-07-01,true,,,000.00.31.H47,H17.61|H17.62` + "\n" +
	`banthach,H17.61,UBND phường Bàn Thạch (hư cấu),commune,ubnd,H17,2025-07-01,,true,,,,` + "\n" +
	`tamky2,H17.62,UBND phường Tam Kỳ (hư cấu),commune,ubnd,H17,2025-07-01,,false,,,,` + "\n" +
	`tanthanh,H47.31.05,UBND phường Tân Thạnh (hư cấu),commune,ubnd,H47.31,,2025-07-01,true,,,000.05.31.H47,H17.61` + "\n" +
	`daibieu,H47.99,Ban đã giải thể (hư cấu),department,ban,H47,2010-01-01,2020-01-01,true,,,,` + "\n" +
	`thu,H17.W00,Đơn vị thử nghiệm,unit,,H17,,,true,,,,` + "\n"

func (f *fixture) mustImport(t testing.TB, list string) hub.ImportReport {
	t.Helper()
	report, err := f.Import(context.Background(), operator(), strings.NewReader(list), hub.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func sampleDirectory(t testing.TB) *fixture {
	t.Helper()
	f := newFixture(t, "2019-01-01")
	if report := f.mustImport(t, sample); report.Added != 10 {
		t.Fatalf("the sample import %+v", report)
	}
	return f
}

func wantKind(t *testing.T, err error, kind hub.ErrorKind, rule string, parts ...string) {
	t.Helper()
	var e *hub.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Rule != rule {
		t.Errorf("error %v, want %s [%s]", err, kind, rule)
		return
	}
	for _, part := range parts {
		if !strings.Contains(e.Message, part) {
			t.Errorf("message %q lacks %q", e.Message, part)
		}
	}
}
