package sqlkit

import "github.com/lienthong/lienthong/hub"

// StoredEnrolment adds to an enrolment what its JSON form leaves out.
type StoredEnrolment struct {
	Enrolment hub.Enrolment
	Hash      hub.Digest
}

// EncodeEnrolment returns the JSON form of an enrolment.
func EncodeEnrolment(e *hub.Enrolment) (string, error) { return Encode(StoredEnrolment{*e, e.Hash}) }

// DecodeEnrolment reads the JSON form of an enrolment.
func DecodeEnrolment(body []byte) (hub.Enrolment, error) {
	stored, err := Decode[StoredEnrolment](body)
	stored.Enrolment.Hash = stored.Hash
	return stored.Enrolment, err
}

// EnrolmentClosed is the answer where an enrolment is not open any more.
func EnrolmentClosed() error {
	return hub.Errorf(hub.KindConflict, "enrolment", "closed", "the enrolment was redeemed or revoked")
}

// IssuedKeys are the bodies of the keys that an enrolment issues.
func IssuedKeys(issued []hub.APIKey) ([]string, error) {
	bodies := make([]string, len(issued))
	for i := range issued {
		body, err := EncodeKey(&issued[i])
		if err != nil {
			return nil, err
		}
		bodies[i] = body
	}
	return bodies, nil
}
