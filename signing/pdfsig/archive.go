package pdfsig

import (
	"context"
	"fmt"
	"slices"
)

// stampField is the name of the first field of a document timestamp.
const stampField = "Timestamp1"

// archive returns the revision that puts a document timestamp over the file with what
// was added to it (level B-LTA; ETSI EN 319 142-1, 5.4.3): in a field that shows
// nothing, on the first page.
func (s *signer) archive(ctx context.Context, added []byte) ([]byte, error) {
	s.whole.Write(added)
	file := joined{s.source, s.size, added}
	f, err := open(file, file.length())
	if err != nil {
		return nil, err
	}
	latest := f.latest()
	all, err := latest.fields()
	if err != nil {
		return nil, err
	}
	where := place{name: freeName(all, stampField)}
	if where.page, err = latest.page(1); err != nil {
		return nil, err
	}
	for room := tokenRoom; room <= maxRoom; {
		d, err := stampDraft(latest, where, room)
		if err != nil {
			return nil, err
		}
		// Before the authority is asked: does everything that was signed permit it?
		if err := s.checkRevision(joined{s.source, s.size, slices.Concat(added, d.revision)}, where.name); err != nil {
			return nil, err
		}
		digest, err := d.digest(s.whole)
		if err != nil {
			return nil, err
		}
		token, err := s.request.StampDigest(ctx, digest)
		if err != nil {
			return nil, fmt.Errorf("sign PDF: timestamp the document: %w", err)
		}
		if d.setValue(token) {
			return d.revision, nil
		}
		room = len(token) + messageRoom
	}
	return nil, reject("size", "the document timestamp takes more than %d bytes", maxRoom)
}

// stampDraft builds the revision of a document timestamp behind the newest one. The
// dictionary claims no time: the token says it.
func stampDraft(latest view, where place, room int) (draft, error) {
	i, err := newIncrement(latest)
	if err != nil {
		return draft{}, err
	}
	value := i.reserve()
	if err := i.placeField(where, value, ref{}); err != nil {
		return draft{}, err
	}
	d := i.writeValue(value, dict{
		"Type": name("DocTimeStamp"), "Filter": name("Adobe.PPKLite"), "SubFilter": name(subFilterTimestamp),
	}, room)
	d.revision = i.finish()
	d.setRanges(latest.size)
	return d, nil
}
