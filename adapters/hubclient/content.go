package hubclient

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Part downloads one part to w, going on where it stopped when the connection
// breaks, and returns the digest of what was written. A digest that is not the
// one the hub announced, or not part.Digest when that is set, is an error of
// KindUntrusted: what w has got must be thrown away.
func (c *Client) Part(ctx context.Context, dispatch hub.DispatchID, part hub.Part, w io.Writer, progress Progress) (hub.Digest, error) {
	return c.content(ctx, pathOf("dispatches", string(dispatch), "parts", part.ID), part.Digest, w, progress)
}

// content downloads what a path names; the digest is that which is known of it, if any.
func (c *Client) content(ctx context.Context, path string, digest hub.Digest, w io.Writer, progress Progress) (hub.Digest, error) {
	d := download{client: c, w: w, hash: sha256.New(), progress: progress, call: get(path, nil)}
	if err := d.run(ctx); err != nil {
		return hub.Digest{}, err
	}
	got := hub.Digest(d.hash.Sum(nil))
	if !digest.IsZero() && got != digest {
		return got, mismatch(digest, got)
	}
	return got, nil
}

// Package downloads a dispatch as an edXML package to w: byte for byte as it was
// received, else as the hub encodes it.
func (c *Client) Package(ctx context.Context, dispatch hub.DispatchID, w io.Writer, progress Progress) error {
	d := download{
		client: c, w: w, hash: sha256.New(), progress: progress,
		call: get(pathOf("dispatches", string(dispatch), "package"), nil),
	}
	return d.run(ctx)
}

// download is one body on its way, over as many connections as it takes.
type download struct {
	client   *Client
	call     call
	w        io.Writer
	hash     hash.Hash
	progress Progress
	done     int64 // bytes written
	total    int64 // -1 when the hub does not say
	etag     string
	digest   hub.Digest // as announced by the first answer; may be zero
	finished bool
}

// run attempts until all bytes are there. Every attempt that brought some starts
// the count of attempts anew.
func (d *download) run(ctx context.Context) error {
	d.call = d.call.with("Accept-Encoding", "identity")
	for !d.finished {
		before := d.done
		err := d.client.retry.run(ctx, true, func() error {
			err := d.attempt(ctx)
			d.finished = err == nil
			if d.done > before && Temporary(err) {
				return d.resumable(err)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if got := hub.Digest(d.hash.Sum(nil)); !d.digest.IsZero() && got != d.digest {
		return mismatch(d.digest, got)
	}
	return nil
}

// resumable returns nil when the bytes that came can be kept.
func (d *download) resumable(err error) error {
	if d.etag != "" {
		return nil
	}
	return &hub.Error{Kind: hub.KindInternal, Rule: "interrupted", Message: "the download broke off and cannot be resumed", Err: err}
}

// attempt reads from where the last one stopped to the end.
func (d *download) attempt(ctx context.Context) error {
	k := d.call
	if d.done > 0 {
		k = k.with("Range", fmt.Sprintf("bytes=%d-", d.done)).with("If-Range", d.etag)
	}
	resp, err := d.client.open(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := d.begin(resp); err != nil {
		return err
	}
	_, err = io.Copy(d, resp.Body)
	return err
}

// begin takes what the first answer announces, and checks that a later one
// continues it.
func (d *download) begin(resp *http.Response) error {
	if d.done == 0 {
		d.total = resp.ContentLength
		d.digest = announced(resp.Header)
		if etag := resp.Header.Get("ETag"); strings.HasPrefix(etag, `"`) {
			d.etag = etag
		}
		return nil
	}
	wanted := fmt.Sprintf("bytes %d-", d.done)
	if resp.StatusCode != http.StatusPartialContent || !strings.HasPrefix(resp.Header.Get("Content-Range"), wanted) {
		return hub.Errorf(hub.KindConflict, "", "changed", "the content changed while it was downloaded")
	}
	return nil
}

// Write keeps count and digest of what reaches the caller's writer.
func (d *download) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	d.hash.Write(p[:n])
	d.done += int64(n)
	if d.progress != nil {
		d.progress(d.done, d.total)
	}
	return n, err
}

// announced returns the SHA-256 in Repr-Digest (RFC 9530), zero when absent.
func announced(header http.Header) hub.Digest {
	var d hub.Digest
	for field := range strings.SplitSeq(header.Get("Repr-Digest"), ",") {
		value, ok := strings.CutPrefix(strings.TrimSpace(field), "sha-256=:")
		if !ok {
			continue
		}
		sum, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(value, ":"))
		if err == nil && len(sum) == len(d) {
			copy(d[:], sum)
		}
	}
	return d
}

func mismatch(want, got hub.Digest) error {
	return hub.Errorf(hub.KindUntrusted, "sha256", "digest_mismatch", "the bytes that came have the digest %s, not %s", got, want)
}
