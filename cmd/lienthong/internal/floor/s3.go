package floor

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket keeps objects in an object store, which compares their digest with what it
// received.
type bucket struct {
	client       *minio.Client
	name, prefix string
}

// connectionsToStore are kept open: as many as the hub keeps.
const connectionsToStore = 64

func openBucket(address, region string, keys []string) (*bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(keys[0], keys[1], ""), Secure: u.Scheme == "https", Region: region,
		BucketLookup: minio.BucketLookupPath, TrailingHeaders: true,
		Transport: &http.Transport{MaxIdleConnsPerHost: connectionsToStore, DisableCompression: true},
	})
	if err != nil {
		return nil, err
	}
	name, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	return &bucket{client, name, strings.TrimPrefix(prefix+"/floor/", "/")}, nil
}

func (b *bucket) put(ctx context.Context, c *content) error {
	_, err := b.client.PutObject(ctx, b.name, b.prefix+c.digest.String(), io.NewSectionReader(c, 0, c.Size()), c.Size(), minio.PutObjectOptions{
		ContentType: "application/octet-stream", DisableMultipart: true,
		UserMetadata: map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(c.digest[:])},
	})
	if err != nil {
		return fmt.Errorf("put an object: %w", err)
	}
	return nil
}

func (b *bucket) read(ctx context.Context, name string) (io.ReadCloser, error) {
	body, _, _, err := minio.Core{Client: b.client}.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	return body, err
}
