package tlog

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Limits of one file.
const (
	maxFile     = 256 * (64<<10 + 2) // a bundle of 256 entries of 64 KiB
	maxHead     = 64 << 10           // a checkpoint, or the list of logs
	answerLimit = 60 * time.Second
	fileTries   = 4
)

// Source reads the files of one log or of several.
type Source interface {
	// Logs lists what lies there: prefixes of names, "" for a single log, oldest
	// first.
	Logs(ctx context.Context) ([]string, error)
	// Tile reads a file; KindNotFound when there is none.
	Tile(ctx context.Context, name string) ([]byte, error)
	// Checkpoint reads the newest checkpoint of a log.
	Checkpoint(ctx context.Context, log string) ([]byte, error)
}

// Open returns the source at an address: a folder, the address of a hub (its logs lie
// below /log), or that of any log of c2sp.org/tlog-tiles.
func Open(address string, config *tls.Config) (Source, error) {
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		info, err := os.Stat(address)
		if err != nil || !info.IsDir() {
			return nil, hub.Invalid("log", "folder", "%.200q is neither a folder nor an address that begins with https://", address)
		}
		return folder(address), nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, hub.Invalid("log", "url", "%.200q is no address", address)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	transport.TLSClientConfig, transport.MaxIdleConnsPerHost = config, 8
	return &server{base: strings.TrimRight(address, "/"), client: &http.Client{Transport: transport, Timeout: answerLimit}}, nil
}

// folder is a copy of logs on a disk.
type folder string

// Logs implements Source.
func (f folder) Logs(context.Context) ([]string, error) {
	if _, err := os.Stat(filepath.Join(string(f), "checkpoint")); err == nil {
		return []string{""}, nil
	}
	heads, err := filepath.Glob(filepath.Join(string(f), "*", "checkpoint"))
	if err != nil || len(heads) == 0 {
		return nil, hub.Errorf(hub.KindNotFound, "log", "", "there is no log in %s", string(f))
	}
	logs := make([]string, len(heads))
	for i, head := range heads {
		logs[i] = filepath.Base(filepath.Dir(head)) + "/"
	}
	slices.Sort(logs)
	return logs, nil
}

// Tile implements Source.
func (f folder) Tile(_ context.Context, name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, hub.Invalid("tile", "name", "%.80q is not the name of a tile", name)
	}
	file, err := os.Open(filepath.Join(string(f), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(name)
	}
	if err != nil {
		return nil, hub.Internal("read a file of the log", err)
	}
	defer file.Close()
	return readAll(file, name, maxFile)
}

// Checkpoint implements Source.
func (f folder) Checkpoint(ctx context.Context, log string) ([]byte, error) {
	return f.Tile(ctx, log+"checkpoint")
}

// server is a log behind HTTP.
type server struct {
	base   string
	client *http.Client
}

// Logs implements Source.
func (s *server) Logs(ctx context.Context) ([]string, error) {
	if _, err := s.get(ctx, s.base+"/checkpoint", maxHead); err == nil {
		return []string{""}, nil
	} else if hub.KindOf(err) != hub.KindNotFound {
		return nil, err
	}
	list, err := s.get(ctx, s.base+"/log", maxHead)
	if err != nil {
		return nil, err
	}
	var logs []string
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		if name, _, ok := strings.Cut(lines.Text(), " "); ok && name != "" && !strings.Contains(name, "/") {
			logs = append(logs, name+"/")
		}
	}
	if len(logs) == 0 {
		return nil, hub.Errorf(hub.KindNotFound, "log", "", "there is no log at %s yet", s.base)
	}
	return logs, nil
}

// address of a file: the logs of a hub lie below /log.
func (s *server) address(name string) string {
	if strings.HasPrefix(name, "tile/") || name == "checkpoint" {
		return s.base + "/" + name
	}
	return s.base + "/log/" + name
}

// Tile implements Source.
func (s *server) Tile(ctx context.Context, name string) ([]byte, error) {
	return s.get(ctx, s.address(name), maxFile)
}

// Checkpoint implements Source.
func (s *server) Checkpoint(ctx context.Context, log string) ([]byte, error) {
	return s.get(ctx, s.address(log+"checkpoint"), maxHead)
}

// get reads an answer, again when the server is busy or the connection breaks.
func (s *server) get(ctx context.Context, address string, limit int64) ([]byte, error) {
	for try := 1; ; try++ {
		data, err := s.getOnce(ctx, address, limit)
		if err == nil || hub.KindOf(err) != hub.KindUnavailable || try == fileTries || ctx.Err() != nil {
			return data, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Duration(try) * 300 * time.Millisecond):
		}
	}
}

func (s *server) getOnce(ctx context.Context, address string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, hub.Invalid("log", "url", "%v", err)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Field: "log", Message: "the log cannot be reached", Err: err}
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotFound:
		return nil, notFound(address)
	case answer.StatusCode != http.StatusOK:
		return nil, hub.Errorf(hub.KindUnavailable, "log", "status", "%s answers %s", address, answer.Status)
	}
	data, err := readAll(answer.Body, address, limit)
	if err != nil && hub.KindOf(err) == hub.KindInternal {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Field: "log", Message: "the answer of the log broke off", Err: err}
	}
	return data, err
}

func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, hub.Errorf(hub.KindTooLarge, "log", "size", "%s is larger than such a file can be", name)
	}
	return data, nil
}

func notFound(name string) error {
	return hub.Errorf(hub.KindNotFound, "log", "", "there is no %s", name)
}
