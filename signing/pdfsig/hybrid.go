package pdfsig

// readHidden reads the stream that a hybrid table names: the objects that the
// table hides from readers of old (ISO 32000-1, 7.5.8.4).
func (f *file) readHidden(s *section) error {
	at, hybrid := s.trailer["XRefStm"]
	if !hybrid || s.stream {
		return nil
	}
	offset, ok := at.(int64)
	if !ok || offset <= 0 || offset >= s.offset {
		return broken(s.offset, "/XRefStm is not the offset of a stream before its table")
	}
	hidden := &section{offset: offset}
	if err := f.readXrefStream(hidden); err != nil {
		return err
	}
	if err := sortEntries(hidden); err != nil {
		return err
	}
	if root, given := hidden.trailer["Root"]; given && !sameRef(root, s.trailer["Root"]) {
		return broken(offset, "a hybrid cross-reference section names two catalogs")
	}
	s.hidden = hidden
	return nil
}

// uncover merges the hidden entries of a revision into its sections. Every reader
// must come to the same objects, whether it knows hybrid files or not: an object
// that the table or an earlier revision has must not be another one in the stream.
// A stream of an earlier revision, which some writers name again, may be outdated
// by the table beside it.
func (f *file) uncover(number int, r *revision) error {
	for _, s := range r.sections {
		if s.hidden == nil {
			continue
		}
		stale := s.hidden.offset < r.start
		var added []entry
		for _, e := range s.hidden.entries {
			fresh, err := f.uncoverEntry(number, s, e, stale)
			if err != nil {
				return err
			}
			if fresh {
				added = append(added, e)
			}
		}
		if err := s.extend(added); err != nil {
			return err
		}
	}
	return nil
}

// uncoverEntry reports whether an entry brings an object that nothing else has.
func (f *file) uncoverEntry(number int, s *section, e entry, stale bool) (bool, error) {
	if e.kind == entryFree {
		return false, nil
	}
	listed, known := s.find(int(e.number))
	if known && listed.kind != entryFree {
		if !stale && listed != e {
			return false, broken(s.offset, "a hybrid cross-reference section gives two views of object %d", e.number)
		}
		return false, nil
	}
	before, known := view{f, number - 1}.entry(int(e.number))
	if known && before != e {
		return false, broken(s.offset, "a hybrid cross-reference section gives two views of object %d", e.number)
	}
	return !known, nil
}

// extend adds entries, in place of free ones of the same number.
func (s *section) extend(added []entry) error {
	var missing []entry
	for _, e := range added {
		if i, listed := s.index(int(e.number)); listed {
			s.entries[i] = e
		} else {
			missing = append(missing, e)
		}
	}
	s.entries = append(s.entries, missing...)
	return sortEntries(s)
}
