package hub

// BundleOrder asks for an evidence bundle: all receipts on the way of a document to one
// recipient, with what they are verified by.
type BundleOrder struct {
	Dispatch DispatchID
	// Delivery is the recipient's; it may be empty where the actor sees one alone.
	Delivery DeliveryID
	Content  bool // with the document itself: for its parties, never for auditors
}
