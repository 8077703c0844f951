package hubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Memory is all state of one hub. It fits every store port of the services. It is
// safe for concurrent use; each method is one transaction.
type Memory struct {
	// Before, when set, is asked before each method that changes something, by
	// the method's name, outside the transaction. Its error becomes the
	// method's, and it may act on the store itself: so tests make failures and
	// races. It must be set before use.
	Before func(method string) error

	mu         sync.Mutex
	version    int64 // of the agencies
	agencies   map[hub.AgencyID]hub.Agency
	keys       map[string]hub.APIKey
	uploads    map[string]hub.Upload
	dispatches map[hub.DispatchID]*dispatchRow
	deliveries map[hub.DeliveryID]*deliveryRow
	reports    []hub.StatusReport
	evidences  []evidenceRow
	notes      map[string]hub.RetentionNote
	rules      int64                      // version of classes and holds
	readers    map[hub.AgencyID]time.Time // of notices, by when theirs begin
	taken      map[noticeKey]bool
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		agencies:   map[hub.AgencyID]hub.Agency{},
		keys:       map[string]hub.APIKey{},
		uploads:    map[string]hub.Upload{},
		dispatches: map[hub.DispatchID]*dispatchRow{},
		deliveries: map[hub.DeliveryID]*deliveryRow{},
		notes:      map[string]hub.RetentionNote{},
		readers:    map[hub.AgencyID]time.Time{},
		taken:      map[noticeKey]bool{},
	}
}

// change begins a method that changes something, unless its caller is gone.
func (m *Memory) change(ctx context.Context, method string) error {
	if err := ctx.Err(); err != nil || m.Before == nil {
		return err
	}
	return m.Before(method)
}

// clone copies a value of plain data.
func clone[T any](v T) T {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // the types of package hub are plain data
	}
	var c T
	if err := json.Unmarshal(body, &c); err != nil {
		panic(err)
	}
	return c
}

func notFound(what string) error {
	return hub.Errorf(hub.KindNotFound, what, "", "there is no such %s", what)
}

// LoadAgencies returns all agencies by id.
func (m *Memory) LoadAgencies(context.Context) ([]hub.Agency, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []hub.Agency
	for _, id := range slices.Sorted(maps.Keys(m.agencies)) {
		list = append(list, clone(m.agencies[id]))
	}
	return list, m.version, nil
}

// SaveAgencies inserts or replaces agencies by id if they are of the version.
func (m *Memory) SaveAgencies(ctx context.Context, version int64, agencies []hub.Agency) (int64, error) {
	if err := m.change(ctx, "SaveAgencies"); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if version != m.version {
		return 0, hub.Errorf(hub.KindConflict, "agencies", "version", "the agencies have changed in the meantime")
	}
	for _, a := range agencies {
		m.agencies[a.ID] = clone(a)
	}
	m.version++
	return m.version, nil
}

// AgenciesVersion returns how often SaveAgencies was called.
func (m *Memory) AgenciesVersion(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, nil
}

// AddKey inserts a key; KindConflict where one has its id.
func (m *Memory) AddKey(ctx context.Context, key hub.APIKey) error {
	if err := m.change(ctx, "AddKey"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.keys[key.ID]; taken {
		return hub.Errorf(hub.KindConflict, "key", "present", "there is a key of this id")
	}
	m.keys[key.ID] = copyOfKey(key)
	return nil
}

// UseKeys sets when keys were last used.
func (m *Memory) UseKeys(ctx context.Context, uses []hub.KeyUse) error {
	if err := m.change(ctx, "UseKeys"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range uses {
		if key, ok := m.keys[u.Key]; ok && u.At.After(key.Used) {
			key.Used = u.At
			m.keys[u.Key] = key
		}
	}
	return nil
}

// EndKey has a key end at an instant, unless it ends sooner.
func (m *Memory) EndKey(ctx context.Context, id string, at time.Time) error {
	if err := m.change(ctx, "EndKey"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key, ok := m.keys[id]
	if !ok {
		return notFound("key")
	}
	if key.Revoked.IsZero() || key.Revoked.After(at) {
		key.Revoked = at
		m.keys[id] = key
	}
	return nil
}

// ResealKey replaces the sealed secret of a key.
func (m *Memory) ResealKey(ctx context.Context, id string, was, now []byte) error {
	if err := m.change(ctx, "ResealKey"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key, ok := m.keys[id]
	if !ok || !bytes.Equal(key.Sealed, was) {
		return hub.Errorf(hub.KindConflict, "key", "version", "the secret of the key has changed")
	}
	key.Sealed = bytes.Clone(now)
	m.keys[id] = key
	return nil
}

// copyOfKey keeps what the JSON form leaves out.
func copyOfKey(key hub.APIKey) hub.APIKey {
	c := clone(key)
	c.Hash, c.Sealed = key.Hash, bytes.Clone(key.Sealed)
	return c
}

// KeyByID returns a key.
func (m *Memory) KeyByID(_ context.Context, id string) (hub.APIKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, ok := m.keys[id]
	if !ok {
		return hub.APIKey{}, notFound("key")
	}
	return copyOfKey(key), nil
}

// Keys lists all keys by id.
func (m *Memory) Keys(context.Context) ([]hub.APIKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []hub.APIKey
	for _, id := range slices.Sorted(maps.Keys(m.keys)) {
		list = append(list, copyOfKey(m.keys[id]))
	}
	return list, nil
}

// SaveUpload inserts or replaces an upload by id.
func (m *Memory) SaveUpload(ctx context.Context, upload hub.Upload) error {
	if err := m.change(ctx, "SaveUpload"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uploads[upload.ID] = clone(upload)
	return nil
}

// Upload returns an upload.
func (m *Memory) Upload(_ context.Context, id string) (hub.Upload, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	upload, ok := m.uploads[id]
	if !ok {
		return hub.Upload{}, notFound("upload")
	}
	return clone(upload), nil
}

// DeleteUpload removes an upload; none is no error.
func (m *Memory) DeleteUpload(ctx context.Context, id string) error {
	if err := m.change(ctx, "DeleteUpload"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.uploads, id)
	return nil
}

// ExpiredUploads lists uploads whose time has passed, oldest first.
func (m *Memory) ExpiredUploads(_ context.Context, now time.Time, limit int) ([]hub.Upload, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []hub.Upload
	for _, u := range m.uploads {
		if !u.Expires.After(now) {
			list = append(list, clone(u))
		}
	}
	slices.SortFunc(list, func(a, b hub.Upload) int {
		if c := a.Expires.Compare(b.Expires); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list[:min(limit, len(list))], nil
}
