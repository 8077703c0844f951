package sqlkit

import (
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
)

// ScanAgencyNumber reads agency and number.
func ScanAgencyNumber[R Row](row R) (hub.AgencyNumber, error) {
	var n hub.AgencyNumber
	err := row.Scan((*string)(&n.Agency), &n.Number)
	return n, err
}

// NumbersOf returns numbers by agency.
func NumbersOf(list []hub.AgencyNumber) map[hub.AgencyID]int64 {
	numbers := make(map[hub.AgencyID]int64, len(list))
	for _, n := range list {
		numbers[n.Agency] = n.Number
	}
	return numbers
}

// ScanSequenceEntry reads number, index, source and data.
func ScanSequenceEntry[R Row](row R) (hub.SequenceEntry, error) {
	var e hub.SequenceEntry
	err := row.Scan(&e.Number, &e.Index, (*string)(&e.Evidence), &e.Data)
	return e, err
}

// LogNumberText reads all numbers, as ScanNumber and ScanNumberRecord take them.
const LogNumberText = "SELECT shard, agency, number, idx FROM log_numbers ORDER BY shard, agency, number"

// ScanNumberRecord reads the record of a number.
func ScanNumberRecord[R Row](row R) (json.RawMessage, error) {
	n, err := ScanNumber(row)
	if err != nil {
		return nil, err
	}
	return marshal(n)
}

// ScanNumber reads shard, agency, number and index.
func ScanNumber[R Row](row R) (hub.LogNumberRecord, error) {
	var n hub.LogNumberRecord
	err := row.Scan(&n.Shard, (*string)(&n.Agency), &n.Number, &n.Index)
	return n, err
}
